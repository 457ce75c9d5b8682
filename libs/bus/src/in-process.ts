import { setTimeout as delay } from 'node:timers/promises';
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { Fault } from '#contracts/fault';
import type { Log } from '#log/log';
import { type Answered, answer } from './answer.js';
import type { Carrier } from './bus.js';
import { type Call, newCall } from './call.js';
import type { Taker } from './requests.js';
import { type InstanceOf, servedBy } from './serve.js';
import { graceMs, mostInHand } from './strategy.js';
import { countUnserved } from './tally.js';
import { faultText } from './wire.js';

const sweepMs = 50;

/** Has one request answered, once. */
type Answering = (body: string, call: Call, to: Answered) => void;

/** An ask that has no outcome yet. */
class Waiting implements Answered {
  constructor(
    /** Milliseconds since 1970. */
    readonly deadline: number,
    private readonly taker: Taker,
    private readonly all: Set<Waiting>,
  ) {
    all.add(this);
  }

  give(text: string): void {
    if (this.all.delete(this)) this.taker.answered(text);
  }

  giveUp(): void {
    if (this.all.delete(this)) this.taker.failed(new Fault('service.silent'));
  }
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

  carry(subject: string, body: string, deadline: number, traceparent: string, taker: Taker): void {
    const now = Date.now();
    const answering = this.#served.get(subject);
    if (!answering || deadline <= now) taker.failed(new Fault('service.unavailable'));
    else answering(body, newCall(now, deadline - now, traceparent), new Waiting(deadline, taker, this.#waiting));
  }

  /** @throws Error where the subject is served already: a process has each service once */
  serve(subject: string, answering: Answering): void {
    if (this.#served.has(subject)) throw new Error(`${subject} is served twice`);
    this.#served.set(subject, answering);
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
    for (const waiting of this.#waiting) if (waiting.deadline <= now) waiting.giveUp();
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
  #instanceOf: InstanceOf | undefined;
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

  /** From `listen` on, handlers that name nothing of Nest's are called as they are. */
  callDirectly(instanceOf: InstanceOf): void {
    this.#instanceOf = instanceOf;
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
    const served = servedBy(subject, handler, this.#instanceOf);
    return (body, call, to) => {
      const inHand = new InHand(to, this.#done);
      this.#inHand++;
      if (this.#inHand > this.#most) {
        countUnserved(served.verb, 'service.busy');
        inHand.give(faultText('service.busy', call));
      } else answer(served, body, call, this.options.log, inHand);
    };
  }

  readonly #done = (): void => {
    if (--this.#inHand === 0) this.#whenIdle?.();
  };
}

/** Tells the strategy too. */
class InHand implements Answered {
  constructor(
    private readonly to: Answered,
    private readonly done: () => void,
  ) {}

  give(text: string): void {
    this.to.give(text);
    this.done();
  }
}
