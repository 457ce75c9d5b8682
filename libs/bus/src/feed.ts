import { randomUUID } from 'node:crypto';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { z } from 'zod';
import type { Fact, FactType } from '#contracts/fact';
import type { Log } from '#log/log';
import { fromCloudEvent } from './cloud-event.js';
import type { Connection } from './connection.js';
import { bodyOf, headOf } from './nats-inside.js';

/** Senders of which the last beat is remembered; far more than a service has replicas. */
const mostSenders = 1_000;

const beatSubject = (service: string) => `segue.beat.${service}`;

const beatOnTheWire = z.object({
  publishedUpTo: z.number(),
  /** Numbers the beats of one sender, so that a missing one shows. */
  sender: z.string(),
  number: z.int(),
});

export interface FeedListener {
  /** Which facts to hear. */
  readonly types: readonly FactType[];
  /** A fact, soon after it was stated and perhaps more than once; its body is not validated. */
  fact(fact: Fact): void;
  /**
   * Everything `service` had committed by then was published, and heard, before this. Where it is given, a beat that is
   * missing counts as an interruption.
   *
   * @param publishedUpTo milliseconds, by the clock of that service's database
   */
  beat?(service: string, publishedUpTo: number): void;
  /** Facts may have been missed. What is heard from now on is complete again. */
  interrupted(why: string): void;
}

/**
 * Facts as they are published, heard by every process that listens (JetStream's subjects reach plain subscribers too).
 * Nothing is stored and nothing is repeated; instead the listener learns when something may be missing (state.md,
 * "Revocation feed"). Whoever must hear every fact follows the stream instead (`FactStream.follow`).
 */
export class FactFeed {
  readonly #sender = randomUUID();
  readonly #sent = new Map<string, number>();

  constructor(
    private readonly connection: Connection,
    private readonly log: Log,
  ) {}

  /**
   * States how far a service has published. A no-op while NATS is away: the beat that is missing says so.
   *
   * @param publishedUpTo milliseconds, by the clock of the service's database
   */
  beat(service: string, publishedUpTo: number): void {
    const number = (this.#sent.get(service) ?? 0) + 1;
    const beat: z.input<typeof beatOnTheWire> = { publishedUpTo, sender: this.#sender, number };
    try {
      this.connection.live?.publish(beatSubject(service), JSON.stringify(beat));
      this.#sent.set(service, number);
    } catch (err) {
      this.log.debug('a beat is not sent', { err });
    }
  }

  listen(listener: FeedListener): { stop(): void } {
    const listening = new Listening(listener, this.log);
    this.connection.ready.then(
      (nats) => listening.subscribe(nats),
      () => undefined,
    );
    this.connection.whenLost(() => listening.interrupted('the connection to NATS was lost'));
    return listening;
  }
}

/** One listener's subscriptions; nats.js makes them again, in this order, whenever it connects again. */
class Listening {
  readonly #subscriptions: Subscription[] = [];
  readonly #lastBeats = new Map<string, number>();
  #stopped = false;

  constructor(
    private readonly listener: FeedListener,
    private readonly log: Log,
  ) {}

  /** Beats last: whoever hears one knows that the facts come by the same way. */
  subscribe(nats: NatsConnection): void {
    if (this.#stopped) return;
    for (const type of this.listener.types)
      this.#take(nats, `segue.facts.v1.*.${type}`, (message) => this.#fact(message));
    if (this.listener.beat) this.#take(nats, beatSubject('*'), (message) => this.#beat(message));
  }

  interrupted(why: string): void {
    if (this.#stopped) return;
    this.#lastBeats.clear();
    this.listener.interrupted(why);
  }

  stop(): void {
    this.#stopped = true;
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  #take(nats: NatsConnection, subject: string, heard: (message: Msg) => void): void {
    const callback = (error: Error | null, message: Msg) => {
      if (error) {
        this.log.error('a subscription failed', { subject, err: error });
        this.interrupted('a subscription failed');
      } else heard(message);
    };
    this.#subscriptions.push(nats.subscribe(subject, { callback }));
  }

  #fact(message: Msg): void {
    const fact = this.#read(message, () => fromCloudEvent(headOf(message), bodyOf(message)));
    if (fact) this.listener.fact(fact);
  }

  #beat(message: Msg): void {
    const beat = this.#read(message, () => beatOnTheWire.parse(message.json()));
    if (!beat) return;
    const service = message.subject.slice(beatSubject('').length);
    const from = `${service} ${beat.sender}`;
    const last = this.#lastBeats.get(from);
    if (last !== undefined && beat.number !== last + 1) this.interrupted(`a beat of ${service} is missing`);
    if (this.#lastBeats.size >= mostSenders) this.#lastBeats.clear();
    this.#lastBeats.set(from, beat.number);
    this.listener.beat?.(service, beat.publishedUpTo);
  }

  /** What cannot be read may have mattered. */
  #read<Content>(message: Msg, read: () => Content): Content | undefined {
    try {
      return read();
    } catch (err) {
      this.log.error('a message is none of ours', { subject: message.subject, err });
      this.interrupted('a message could not be read');
      return undefined;
    }
  }
}
