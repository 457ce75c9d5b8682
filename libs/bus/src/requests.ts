import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { Fault } from '#contracts/fault';
import { Batch } from './batch.js';
import type { Connection } from './connection.js';
import { bodyOf, headOf } from './nats-inside.js';
import { OncePerTurn } from './once-per-turn.js';

const sweepMs = 50;

/** Gets the outcome of a request, once. */
export interface Taker {
  answered(text: string): void;
  failed(reason: Error): void;
}

/** A request that has no outcome yet. */
class Waiting {
  /** From here on the other side may have acted. */
  published = false;

  constructor(
    readonly token: number,
    readonly subject: string,
    readonly body: string,
    readonly head: string,
    /** Milliseconds since 1970. */
    readonly deadline: number,
    readonly taker: Taker,
  ) {}
}

/**
 * Request and reply over NATS with one inbox for the whole process: replies come to `<inbox>.<token>` and are matched by
 * the token, requests are published once per turn, and one map of deadlines is swept every 50 ms. `nc.request` and
 * Nest's client cost a timer, a stack trace or a subscription each (performance.md, 3).
 *
 * What it promises its callers: `service.unavailable` and `service.busy` mean the request was never sent, now or later;
 * `service.silent` means it was sent and may have been acted upon.
 */
export class Requests {
  readonly #inbox: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #unsent = new OncePerTurn<Waiting>((requests) => this.#publish(requests));
  readonly #sweeping: NodeJS.Timeout;
  #count = 0;

  /** @param most how many requests may wait for an answer at once */
  constructor(
    private readonly connection: Connection,
    private readonly most = 10_000,
  ) {
    this.#inbox = createInbox(connection.inboxPrefix);
    // A rejection is the connection's own to report; without a connection there is nothing to listen to.
    connection.ready.then(
      (nats) => this.#listen(nats),
      () => undefined,
    );
    connection.whenLost(() => this.#abandon());
    this.#sweeping = setInterval(() => this.#sweep(Date.now()), sweepMs).unref();
  }

  /**
   * Publishes and waits for one message in return. `taker` gets its text, or the Fault `service.unavailable`,
   * `service.busy` (not executed) or `service.silent` (unknown): a promise for each layer would cost more than the rest.
   *
   * @param head headers (`head.ts`)
   * @param deadline milliseconds since 1970; a request that has not left by then never does
   */
  send(subject: string, head: string, body: string, deadline: number, taker: Taker): void {
    if (!this.connection.connected) taker.failed(new Fault('service.unavailable'));
    else if (this.#waiting.size >= this.most) taker.failed(new Fault('service.busy'));
    else {
      const request = new Waiting(++this.#count, subject, body, head, deadline, taker);
      this.#waiting.set(request.token, request);
      this.#unsent.add(request);
    }
  }

  /** Gives up whatever still waits. */
  close(): void {
    clearInterval(this.#sweeping);
    this.#abandon();
  }

  #listen(nats: NatsConnection): void {
    const tokenAt = this.#inbox.length + 1;
    nats.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error) return;
        const request = this.#waiting.get(Number(message.subject.slice(tokenAt)));
        if (!request) return;
        this.#waiting.delete(request.token);
        if (nobodyListens(message)) request.taker.failed(new Fault('service.unavailable'));
        else request.taker.answered(bodyOf(message));
      },
    });
  }

  #publish(requests: readonly Waiting[]): void {
    const now = Date.now();
    const nats = this.connection.live;
    const batch = nats && new Batch(nats);
    for (const request of requests) {
      const { token, subject, body, head, deadline } = request;
      if (!this.#waiting.has(token)) continue;
      if (!batch || deadline <= now) {
        this.#fail(request);
        continue;
      }
      try {
        batch.add(subject, `${this.#inbox}.${token}`, head, body);
        request.published = true;
      } catch (cause) {
        // Refused before it could be sent, e.g. what is larger than the broker's max_payload.
        this.#waiting.delete(token);
        request.taker.failed(new Error(`a message to ${subject} cannot be published`, { cause }));
      }
    }
    batch?.send();
  }

  #sweep(now: number): void {
    for (const request of this.#waiting.values()) if (request.deadline <= now) this.#fail(request);
  }

  /** A lost connection takes every answer with it. */
  #abandon(): void {
    for (const request of this.#waiting.values()) this.#fail(request);
  }

  #fail(request: Waiting): void {
    this.#waiting.delete(request.token);
    request.taker.failed(new Fault(request.published ? 'service.silent' : 'service.unavailable'));
  }
}

/** The broker's answer when a subject has no subscriber: empty, status 503. */
function nobodyListens(message: Msg): boolean {
  return message.data.length === 0 && headOf(message).startsWith('NATS/1.0 503');
}
