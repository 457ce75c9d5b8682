import { setTimeout as delay } from 'node:timers/promises';
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { Fault } from '#contracts/fault';
import type { Log } from '#log/log';
import { answerOf } from './answer.js';
import type { Carrier } from './bus.js';
import { type Call, newCall } from './call.js';
import { graceMs, mostInHand, verbOf } from './strategy.js';
import { countUnserved } from './tally.js';
import { faultText } from './wire.js';

const sweepMs = 50;

/** Answers one request with the text of an answer (`wire.ts`); never rejects. */
type Answering = (body: string, call: Call) => Promise<string>;

interface Waiting {
  /** Milliseconds since 1970. */
  readonly deadline: number;
  readonly reject: (reason: Error) => void;
}

/**
 * Carries asks between services that share a process. Requests and answers are JSON texts here too, so neither side ever
 * holds an object of the other's, and a message means what it means over NATS.
 *
 * `service.unavailable` and `service.busy` mean that no handler ran; `service.silent` means that one did, and may still.
 */
export class InProcessCarrier implements Carrier {
  readonly #served = new Map<string, Answering>();
  readonly #waiting = new Set<Waiting>();
  readonly #sweeping = setInterval(() => this.#sweep(Date.now()), sweepMs).unref();

  async carry(subject: string, body: string, deadline: number, traceparent: string): Promise<string> {
    const now = Date.now();
    const answer = this.#served.get(subject);
    if (!answer || deadline <= now) throw new Fault('service.unavailable');
    return new Promise((resolve, reject) => {
      const waiting = { deadline, reject };
      this.#waiting.add(waiting);
      void answer(body, newCall(now, deadline - now, traceparent)).then((text) => {
        this.#waiting.delete(waiting);
        resolve(text);
      });
    });
  }

  /** @throws Error where the subject is served already: a process has each service once */
  serve(subject: string, answer: Answering): void {
    if (this.#served.has(subject)) throw new Error(`${subject} is served twice`);
    this.#served.set(subject, answer);
  }

  withdraw(subject: string): void {
    this.#served.delete(subject);
  }

  /** Gives up whatever still waits. */
  close(): void {
    clearInterval(this.#sweeping);
    this.#sweep(Number.POSITIVE_INFINITY);
  }

  #sweep(now: number): void {
    for (const waiting of this.#waiting) {
      if (waiting.deadline > now) continue;
      this.#waiting.delete(waiting);
      waiting.reject(new Fault('service.silent'));
    }
  }
}

export interface InProcessOptions {
  readonly carrier: InProcessCarrier;
  readonly log: Log;
  /** How many requests may be in hand at once; the rest is answered `service.busy`. */
  readonly most?: number;
}

/** Serves `@Serve` controllers to the other services of the process: `BusStrategy` without a broker between. */
export class InProcessStrategy extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('segue bus in process');
  readonly #subjects: string[] = [];
  readonly #most: number;
  #inHand = 0;
  #whenIdle: (() => void) | undefined;
  #drained: Promise<void> | undefined;

  constructor(private readonly options: InProcessOptions) {
    super();
    this.#most = options.most ?? mostInHand;
  }

  listen(started: (error?: unknown) => void): void {
    try {
      for (const [subject, handler] of this.getHandlers()) {
        this.options.carrier.serve(subject, this.#answering(subject, handler));
        this.#subjects.push(subject);
      }
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

  unwrap<Carrying>(): Carrying {
    return this.options.carrier as Carrying;
  }

  async #drain(): Promise<void> {
    for (const subject of this.#subjects) this.options.carrier.withdraw(subject);
    if (this.#inHand === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
    await Promise.race([idle, delay(graceMs, undefined, { ref: false })]);
  }

  #answering(subject: string, handler: MessageHandler): Answering {
    const verb = verbOf(subject, handler);
    return async (body, call) => {
      if (this.#inHand >= this.#most) {
        countUnserved(verb, 'service.busy');
        return faultText('service.busy', call);
      }
      this.#inHand++;
      const text = await answerOf(handler, verb, body, call, this.options.log);
      if (--this.#inHand === 0) this.#whenIdle?.();
      return text;
    };
  }
}
