import { setTimeout as delay } from 'node:timers/promises';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import type { Verb } from '#contracts/service';
import type { Log } from '#log/log';
import { answerOf } from './answer.js';
import { askMs } from './bus.js';
import { type Call, newCall } from './call.js';
import type { Connection } from './connection.js';
import { OncePerTurn } from './once-per-turn.js';
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

interface OutgoingAnswer {
  readonly to: string;
  readonly answer: string;
}

/**
 * Serves `@Serve` controllers over NATS. Nest's wrapped handlers are called as they are; only the transport around them
 * is thin: a subscription per verb, answers published once per turn.
 */
export class BusStrategy extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('segue bus');
  readonly #subscriptions: Subscription[] = [];
  readonly #answers = new OncePerTurn<OutgoingAnswer>((answers) => this.#publish(answers));
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

  on(): void {}

  unwrap<Live>(): Live {
    return this.options.connection.live as Live;
  }

  #serve(nats: NatsConnection, subject: string, handler: MessageHandler): Subscription {
    const { queue, log } = this.options;
    const verb = verbOf(subject, handler);
    return nats.subscribe(subject, {
      queue,
      callback: (error, message) => {
        if (error) log.error('a subscription failed', { verb: subject, err: error });
        else void this.#handle(verb, handler, message);
      },
    });
  }

  async #handle(verb: Verb, handler: MessageHandler, message: Msg): Promise<void> {
    const { reply: to } = message;
    const now = Date.now();
    const call = callOf(message, now);
    if (!to) return;
    if (call.deadline <= now) {
      countUnserved(verb, 'late');
      return;
    }
    if (this.#inHand >= this.#most) {
      countUnserved(verb, 'service.busy');
      this.#answers.add({ to, answer: faultText('service.busy', call) });
      return;
    }
    this.#inHand++;
    this.#answers.add({ to, answer: await answerOf(handler, verb, message.string(), call, this.options.log) });
    if (--this.#inHand === 0) this.#whenIdle?.();
  }

  /** While the connection is lost nobody waits for an answer any more. */
  #publish(answers: readonly OutgoingAnswer[]): void {
    const nats = this.options.connection.live;
    for (const { to, answer } of answers) {
      try {
        nats?.publish(to, answer);
      } catch (err) {
        // Larger than the broker's max_payload; a short answer is better than silence.
        this.options.log.error('an answer cannot be published', { err });
        nats?.publish(to, '{"fault":{"code":"internal"}}');
      }
    }
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

/** @throws Error for a handler that is not one of `@Serve` */
export function verbOf(subject: string, handler: MessageHandler): Verb {
  const verb: unknown = handler.extras?.['verb'];
  if (!verb) throw new Error(`${subject} is not served by @Serve`);
  return verb as Verb;
}

/** The caller's deadline, but never longer from now than an ask may take. */
function callOf(message: Msg, now: number): Call {
  const asked = Number(message.headers?.get(deadlineHeader) || Number.NaN);
  const budget = Math.min(Number.isNaN(asked) ? askMs : asked - now, askMs);
  return newCall(now, budget, message.headers?.get(traceHeader));
}
