import { setTimeout as delay } from 'node:timers/promises';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import type { Log } from '#log/log';
import { type Answered, answer } from './answer.js';
import { Batch } from './batch.js';
import { askMs } from './bus.js';
import { type Call, newCall, withCall } from './call.js';
import type { Connection } from './connection.js';
import { headValue } from './head.js';
import { bodyOf, headOf } from './nats-inside.js';
import { OncePerTurn } from './once-per-turn.js';
import { type InstanceOf, type Served, servedBy } from './serve.js';
import { countUnserved } from './tally.js';
import { deadlineHeader, faultText, traceHeader } from './wire.js';

/** How long a stopping service finishes what it has in hand, in milliseconds. */
export const graceMs = 1_000;
export const mostInHand = 10_000;

export interface StrategyOptions {
  /** The service's name: replicas of one name share its work, each request is executed by one of them. */
  readonly queue: string;
  readonly connection: Connection;
  readonly log: Log;
  /** How many requests may be in hand at once; the rest is answered `service.busy`. */
  readonly most?: number;
}

/** A request in hand, and then its answer. */
class Outgoing implements Answered {
  text = '';

  constructor(
    readonly to: string,
    readonly call: Call,
    private readonly done: (answer: Outgoing) => void,
  ) {}

  give(text: string): void {
    this.text = text;
    this.done(this);
  }
}

/** Serves `@Serve` controllers over NATS: a subscription per verb, answers published once per turn. */
export class BusStrategy extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('segue bus');
  readonly #subscriptions: Subscription[] = [];
  readonly #answers = new OncePerTurn<Outgoing>((answers) => this.#publish(answers));
  #instanceOf: InstanceOf | undefined;
  readonly #most: number;
  #inHand = 0;
  #whenIdle: (() => void) | undefined;
  #drained: Promise<void> | undefined;

  constructor(private readonly options: StrategyOptions) {
    super();
    this.#most = options.most ?? mostInHand;
  }

  /** Waits for NATS, for ever if need be, and for the broker to know every subscription. */
  async listen(started: (error?: unknown) => void): Promise<void> {
    try {
      const nats = await this.options.connection.ready;
      for (const [subject, handler] of this.getHandlers()) {
        this.#subscriptions.push(this.#serve(nats, subject, handler));
      }
      // Lost meanwhile: nats.js subscribes again by itself.
      await nats.flush().catch(() => undefined);
      started();
    } catch (error) {
      started(error);
    }
  }

  /** Takes nothing new, finishes what is in hand, at most a second long. */
  close(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  /** From `listen` on, handlers that name nothing of Nest's are called as they are. */
  callDirectly(instanceOf: InstanceOf): void {
    this.#instanceOf = instanceOf;
  }

  on(): void {}

  unwrap<Live>(): Live {
    return this.options.connection.live as Live;
  }

  #serve(nats: NatsConnection, subject: string, handler: MessageHandler): Subscription {
    const { queue, log } = this.options;
    const served = servedBy(subject, handler, this.#instanceOf);
    return nats.subscribe(subject, {
      queue,
      callback: (error, message) => {
        if (error) log.error('a subscription failed', { verb: subject, err: error });
        else this.#handle(served, message);
      },
    });
  }

  #handle(served: Served, message: Msg): void {
    const { reply: to } = message;
    if (!to) return;
    const now = Date.now();
    const call = callOf(message, now);
    if (call.deadline <= now) {
      countUnserved(served.verb, 'late');
      return;
    }
    const outgoing = new Outgoing(to, call, this.#done);
    this.#inHand++;
    if (this.#inHand > this.#most) {
      countUnserved(served.verb, 'service.busy');
      outgoing.give(faultText('service.busy', call));
      return;
    }
    answer(served, bodyOf(message), call, this.options.log, outgoing);
  }

  readonly #done = (answered: Outgoing): void => {
    this.#answers.add(answered);
    if (--this.#inHand === 0) this.#whenIdle?.();
  };

  /** While the connection is lost nobody waits for an answer any more. */
  #publish(answers: readonly Outgoing[]): void {
    const nats = this.options.connection.live;
    if (!nats) return;
    const batch = new Batch(nats);
    for (const { to, text, call } of answers) {
      try {
        batch.add(to, '', '', text);
      } catch (err) {
        // Larger than the broker's max_payload; a short answer is better than silence.
        withCall(call, () => this.options.log.error('an answer cannot be published', { err }));
        batch.add(to, '', '', faultText('internal', call));
      }
    }
    batch.send();
  }

  async #drain(): Promise<void> {
    const grace = delay(graceMs);
    await Promise.race([grace, this.#finish()]);
  }

  async #finish(): Promise<void> {
    // Each drain ends when the broker has confirmed that nothing more is on its way to this replica.
    await Promise.allSettled(this.#subscriptions.map((subscription) => subscription.drain()));
    if (this.#inHand > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    await new Promise((resolve) => setImmediate(resolve));
    await this.options.connection.live?.flush().catch(() => undefined);
  }
}

/** The caller's deadline, but never longer from now than an ask may take. */
function callOf(message: Msg, now: number): Call {
  const head = headOf(message);
  const asked = Number(headValue(head, deadlineHeader) || Number.NaN);
  const budget = Math.min(Number.isNaN(asked) ? askMs : asked - now, askMs);
  return newCall(now, budget, headValue(head, traceHeader));
}
