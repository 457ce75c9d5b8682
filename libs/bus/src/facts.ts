import { setTimeout as delay } from 'node:timers/promises';
import {
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Fact } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import type { Log } from '#log/log';
import { toCloudEvent } from './cloud-event.js';
import type { Connection } from './connection.js';
import { Following, type FollowOptions } from './follow.js';
import type { Requests, Taker } from './requests.js';
import { countFact } from './tally.js';

const factStream = 'FACTS';
const subjects = ['segue.facts.v1.>'];
const day = 86_400_000;
const publishMs = 5_000;
const streamExists = 10_058;
/** What NATS 2.9 answers to the second of two who make the stream at once, while the first is not through. */
const streamBeingMade = 10_065;
const makingMs = 50;
const attempts = 20;

export interface FactStreamOptions {
  /** Who states the facts: `ce-source` is `segue/<service>`. */
  readonly service: string;
  readonly connection: Connection;
  readonly requests: Requests;
  readonly log: Log;
}

/** JetStream's answer to a published message. */
interface PubAck {
  readonly stream?: string;
  readonly error?: { readonly description?: string };
}

/** A fact on its way to the stream. */
class Stating implements Taker {
  constructor(
    private readonly fact: Fact,
    private readonly stored: () => void,
    readonly failed: (reason: unknown) => void,
  ) {}

  answered(text: string): void {
    const refusal = refusalIn(text);
    if (refusal !== undefined) {
      this.failed(new Fault('service.unavailable', { cause: new Error(refusal) }));
      return;
    }
    countFact(this.fact);
    this.stored();
  }
}

/** Why the fact is not in our stream; `undefined` when it is. */
function refusalIn(text: string): string | undefined {
  try {
    const { error, stream } = JSON.parse(text) as PubAck;
    if (!error && stream === factStream) return undefined;
    return error?.description ?? 'stored by another stream';
  } catch {
    return 'the broker answers what is no JSON';
  }
}

/** The stream of facts: what happened, stated once, heard by whoever follows. */
export class FactStream {
  readonly #followings = new Set<Following>();
  #ensuring: Promise<void> | undefined;

  constructor(private readonly options: FactStreamOptions) {
    const { connection, log } = options;
    // A broker that came back may have come back empty.
    connection.whenMade(() => {
      this.ensure().catch((err) => log.warn('the stream of facts is not ensured', { err }));
    });
  }

  /**
   * States a fact; resolves once it is stored. Stating the same id again within two minutes stores nothing, and
   * consumers are idempotent by id, so a caller simply repeats until this resolves. Thousands may be under way at once.
   *
   * @throws Fault `service.unavailable` or `service.busy` (not stored), `service.silent` (unknown)
   */
  async publish(fact: Fact): Promise<void> {
    try {
      await this.#publish(fact);
    } catch (error) {
      const streamMissing = error instanceof Fault && error.code === 'service.unavailable';
      if (!streamMissing || !this.options.connection.connected) throw error;
      await this.ensure();
      await this.#publish(fact);
    }
  }

  /** Makes the stream when there is none; an existing one is left as its operator set it. */
  ensure(): Promise<void> {
    this.#ensuring ??= this.#ensure().finally(() => {
      this.#ensuring = undefined;
    });
    return this.#ensuring;
  }

  /** Hears every fact at least once, from the first on, until stopped; survives the loss of broker, stream and consumer. */
  follow(options: FollowOptions): Following {
    const { connection, log } = this.options;
    const following = new Following(options, { connection, log, stream: factStream, ensure: () => this.ensure() });
    this.#followings.add(following);
    return following;
  }

  /** Lets every follower finish what it has in hand. */
  async close(): Promise<void> {
    await Promise.all([...this.#followings].map((following) => following.stop()));
  }

  #publish(fact: Fact): Promise<void> {
    const { subject, head, body } = toCloudEvent(fact, this.options.service);
    return new Promise((resolve, reject) => {
      this.options.requests.send(subject, head, body, Date.now() + publishMs, new Stating(fact, resolve, reject));
    });
  }

  async #ensure(): Promise<void> {
    const nats = this.options.connection.live;
    if (!nats) throw new Fault('service.unavailable');
    const manager = await jetstreamManager(nats, { checkAPI: false });
    for (let attempt = 1; ; attempt++) {
      const refusal = await this.#add(manager);
      if (refusal === undefined) return;
      const isBeingMade = refusal instanceof JetStreamApiError && refusal.code === streamBeingMade;
      if (!isBeingMade || attempt === attempts) throw new Fault('service.unavailable', { cause: refusal });
      await delay(makingMs);
    }
  }

  /** @returns why there is no stream now; undefined when there is. */
  async #add(manager: JetStreamManager): Promise<unknown> {
    try {
      await manager.streams.add({
        name: factStream,
        subjects,
        storage: StorageType.File,
        retention: RetentionPolicy.Limits,
        max_age: nanos(14 * day),
        duplicate_window: nanos(120_000),
      });
    } catch (error) {
      const exists = error instanceof JetStreamApiError && error.code === streamExists;
      if (!exists) return error;
    }
    return undefined;
  }
}
