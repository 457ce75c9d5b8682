import { setTimeout as delay } from 'node:timers/promises';
import {
  AckPolicy,
  type Consumer,
  type ConsumerInfo,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Fact, FactType } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import type { Log } from '#log/log';
import { metrics } from '#metrics/metrics';
import { Batch } from './batch.js';
import { currentCall } from './call.js';
import { fromCloudEvent } from './cloud-event.js';
import type { Connection } from './connection.js';
import { bodyOf, headOf, plainOf } from './nats-inside.js';

export interface FollowOptions {
  /** Name of the durable consumer; replicas that share it share its facts, and only a single one hears them in order. */
  readonly durable: string;
  /** Which facts to hear; all when absent. */
  readonly types?: readonly FactType[];
  /** How many facts `handle` may get at once; 256 unless told. */
  readonly batch?: number;
  /** How long the first fact of a group waits for company, unless a batch is there already; 10 ms unless told. */
  readonly gatherMs?: number;
  /**
   * Takes facts in the order they were stated. Resolved = done for good; rejected = they come again, so handling must be
   * idempotent by fact id.
   */
  readonly handle: (facts: readonly Fact[]) => Promise<void>;
}

interface Source {
  readonly connection: Connection;
  readonly log: Log;
  readonly stream: string;
  readonly ensure: () => Promise<void>;
}

interface Heard {
  readonly message: JsMsg;
  readonly fact: Fact;
}

const ackWaitMs = 30_000;
/** How long a pull waits at the broker for the first fact. */
const pullMs = 5_000;
/** How long for the others, which are there unless another replica was faster. */
const restMs = 1_000;
const pauseMs = 1_000;
const longestPauseMs = 60_000;
/** How long to wait for what has not been handled, and how often to look. */
const caughtUpMs = 2_000;
const caughtUpRestMs = 20;

/** A durable pull consumer at work: pull, gather, handle, acknowledge. */
export class Following {
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #consumer: Consumer | undefined;
  #pulled: ConsumerMessages | undefined;
  readonly #unwatch: () => void;

  constructor(
    private readonly options: FollowOptions,
    private readonly source: Source,
  ) {
    source.connection.whenLost(() => this.#forget());
    this.#unwatch = metrics.consumerPending.watch({ durable: options.durable }, () => this.#pending());
    this.#done = this.#run();
  }

  /** Finishes what is in hand; the rest comes again to whoever follows next. */
  async stop(): Promise<void> {
    this.#unwatch();
    this.#stopping.abort();
    this.#pulled?.stop();
    await this.#done;
  }

  /**
   * Resolves once everything that was stated before this call has been handled, by whichever replica.
   *
   * @throws Fault `service.unavailable` where the stream cannot be asked, `service.busy` where the call's time is over first
   */
  async caughtUp(): Promise<void> {
    const { connection, stream } = this.source;
    const until = currentCall()?.deadline ?? Date.now() + caughtUpMs;
    const nats = connection.live;
    if (!nats) throw new Fault('service.unavailable');
    const manager = await jetstreamManager(nats, { checkAPI: false });
    try {
      const { last_seq: last } = (await manager.streams.info(stream)).state;
      while (!hasHandled(await manager.consumers.info(stream, this.options.durable), last)) {
        if (Date.now() > until) throw new Fault('service.busy');
        await delay(caughtUpRestMs);
      }
    } catch (error) {
      throw error instanceof Fault ? error : new Fault('service.unavailable', { cause: error });
    }
  }

  /** How much there is to handle yet; `undefined` while the consumer can't be asked. */
  async #pending(): Promise<number | undefined> {
    const info = await this.#consumer?.info();
    return info && info.num_pending + info.num_ack_pending;
  }

  async #run(): Promise<void> {
    const { connection, log } = this.source;
    while (!this.#stopping.signal.aborted) {
      try {
        if (!connection.connected) await this.#pause(pauseMs / 4);
        else if (this.#consumer) await this.#pull(this.#consumer);
        else this.#consumer = await this.#ensured();
      } catch (err) {
        this.#forget();
        if (connection.connected) log.warn('following facts is interrupted', { durable: this.options.durable, err });
        await this.#pause(pauseMs / 2);
      }
    }
  }

  /** After a loss the broker may come back without stream and consumer: begin from the start. */
  #forget(): void {
    this.#consumer = undefined;
    this.#pulled?.stop();
  }

  async #ensured(): Promise<Consumer> {
    const { connection, stream, ensure } = this.source;
    await ensure();
    const nats = connection.live;
    if (!nats) throw new Fault('service.unavailable');
    const { durable, types } = this.options;
    const manager = await jetstreamManager(nats, { checkAPI: false });
    await manager.consumers.add(stream, {
      durable_name: durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(ackWaitMs),
      max_ack_pending: 2_048,
      max_deliver: -1,
      filter_subject: filterOf(types),
    });
    return jetstream(nats).consumers.get(stream, durable);
  }

  /**
   * One group, in one or two pulls. Whatever comes while the first fact waits for company is left at the broker and comes
   * together: each by itself would wake this process, which costs more than handling it.
   */
  async #pull(consumer: Consumer): Promise<void> {
    const arrived: JsMsg[] = [];
    try {
      await this.#fetch(consumer, 1, pullMs, arrived);
      await this.#gather(consumer, arrived);
    } finally {
      await this.#take(arrived);
    }
  }

  async #gather(consumer: Consumer, arrived: JsMsg[]): Promise<void> {
    const { batch = 256, gatherMs = 10 } = this.options;
    const most = batch - arrived.length;
    let waiting = arrived[0]?.info.pending;
    if (waiting === undefined) return;
    if (waiting < most) {
      await this.#pause(gatherMs);
      waiting = (await consumer.info()).num_pending;
    }
    if (waiting > 0 && most > 0) await this.#fetch(consumer, Math.min(waiting, most), restMs, arrived);
  }

  /** Ends once there are as many, or when the broker has waited so long for them, or at a stop. */
  async #fetch(consumer: Consumer, most: number, expires: number, arrived: JsMsg[]): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const messages = await consumer.fetch({ max_messages: most, expires });
    this.#pulled = messages;
    if (this.#stopping.signal.aborted) messages.stop();
    for await (const message of messages) arrived.push(message);
  }

  /** Never rejects: what cannot be handled comes again. */
  async #take(messages: readonly JsMsg[]): Promise<void> {
    const { types } = this.options;
    const wanted: Heard[] = [];
    const unwanted: JsMsg[] = [];
    for (const message of messages) {
      const fact = this.#factIn(message);
      if (!fact) tell(message, (each) => each.term());
      else if (types?.includes(fact.type) ?? true) wanted.push({ message, fact });
      else unwanted.push(message);
    }
    if (unwanted.length > 0) this.#acknowledge(unwanted);
    if (wanted.length > 0) await this.#handle(wanted);
  }

  /**
   * While something the handler needs is away the group waits, so that facts keep their order. After any other failure
   * each fact gets its own try: the ones that fail again come later, and hold up nobody.
   */
  async #handle(group: readonly Heard[]): Promise<void> {
    const err = await this.#failureOf(group);
    if (err === undefined) {
      this.#acknowledge(group.map(({ message }) => message));
      return;
    }
    this.source.log.error('facts are not handled', { durable: this.options.durable, count: group.length, err });
    if (err instanceof Fault && err.entry.kind === 'unavailable') await this.#handleLater(group);
    else if (group.length > 1) for (const one of group) await this.#handle([one]);
    else for (const { message } of group) tell(message, (each) => each.nak(pauseAfter(each.info.deliveryCount)));
  }

  /** All in one write; while the connection is lost nats.js keeps them for the next one. */
  #acknowledge(messages: readonly JsMsg[]): void {
    const nats = this.source.connection.live;
    const batch = nats && new Batch(nats);
    for (const message of messages) {
      if (batch) batch.add(plainOf(message).reply ?? '', '', '', '+ACK');
      else tell(message, (each) => each.ack());
    }
    batch?.send();
  }

  async #failureOf(group: readonly Heard[]): Promise<unknown> {
    try {
      await this.options.handle(group.map(({ fact }) => fact));
      return undefined;
    } catch (error) {
      return error ?? new Error('rejected without a reason');
    }
  }

  async #handleLater(group: readonly Heard[]): Promise<void> {
    await this.#pause(pauseMs);
    const goOn = !this.#stopping.signal.aborted;
    for (const { message } of group) tell(message, (each) => (goOn ? each.working() : each.nak()));
    if (goOn) await this.#handle(group);
  }

  #factIn(message: JsMsg): Fact | undefined {
    try {
      const plain = plainOf(message);
      return fromCloudEvent(headOf(plain), bodyOf(plain));
    } catch (err) {
      this.source.log.error('a message is no fact', { subject: message.subject, seq: message.seq, err });
      return undefined;
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

/** A word to the broker about a message. Lost with a closed connection, the message comes again. */
function tell(message: JsMsg, word: (message: JsMsg) => void): void {
  try {
    word(message);
  } catch {
    // The connection is closed.
  }
}

function pauseAfter(deliveries: number): number {
  return Math.min(pauseMs * 2 ** (deliveries - 1), longestPauseMs);
}

/** Facts of other types lie between, so an idle consumer has handled everything, whatever number it stands at. */
function hasHandled({ num_pending, num_ack_pending, ack_floor }: ConsumerInfo, last: number): boolean {
  return (num_pending === 0 && num_ack_pending === 0) || ack_floor.stream_seq >= last;
}

/** NATS 2.9 takes a single filter: the type, the noun all types share, or everything. */
function filterOf(types: readonly FactType[] | undefined): string {
  const all = 'segue.facts.v1.>';
  if (!types || types.length === 0) return all;
  if (types.length === 1) return `segue.facts.v1.*.${types[0]}`;
  const nouns = new Set(types.map((type) => type.split('.')[0]));
  return nouns.size === 1 ? `segue.facts.v1.*.${[...nouns][0]}.*` : all;
}
