import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { Fault } from '#contracts/fault';
import type { Connection } from './connection.js';
import { OncePerTurn } from './once-per-turn.js';

const sweepMs = 50;

interface Waiting {
  readonly token: string;
  readonly subject: string;
  readonly payload: string;
  readonly headers: MsgHdrs;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  /** From here on the other side may have acted. */
  published: boolean;
  readonly resolve: (message: Msg) => void;
  readonly reject: (reason: Error) => void;
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
  readonly #waiting = new Map<string, Waiting>();
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
   * Publishes and waits for one message in return.
   *
   * @param deadline milliseconds since 1970; a request that has not left by then never does
   * @throws Fault `service.unavailable`, `service.busy` (not executed), `service.silent` (unknown)
   */
  send(subject: string, payload: string, headers: MsgHdrs, deadline: number): Promise<Msg> {
    if (!this.connection.connected) return Promise.reject(new Fault('service.unavailable'));
    if (this.#waiting.size >= this.most) return Promise.reject(new Fault('service.busy'));
    return new Promise((resolve, reject) => {
      const token = (++this.#count).toString(36);
      const request = { token, subject, payload, headers, deadline, published: false, resolve, reject };
      this.#waiting.set(token, request);
      this.#unsent.add(request);
    });
  }

  /** Gives up whatever still waits. */
  close(): void {
    clearInterval(this.#sweeping);
    this.#abandon();
  }

  #listen(nats: NatsConnection): void {
    const tokenAt = this.#inbox.length + 1;
    nats.subscribe(`${this.#inbox}.*`, {
      callback: (_error, message) => {
        const request = this.#waiting.get(message.subject.slice(tokenAt));
        if (!request) return;
        this.#waiting.delete(request.token);
        if (nobodyListens(message)) request.reject(new Fault('service.unavailable'));
        else request.resolve(message);
      },
    });
  }

  #publish(requests: readonly Waiting[]): void {
    const now = Date.now();
    for (const request of requests) {
      const { token, subject, payload, headers, deadline } = request;
      if (!this.#waiting.has(token)) continue;
      const nats = deadline > now ? this.connection.live : undefined;
      try {
        nats?.publish(subject, payload, { headers, reply: `${this.#inbox}.${token}` });
        if (nats) request.published = true;
        else this.#fail(request);
      } catch (cause) {
        // nats.js refuses before it buffers, e.g. what is larger than the broker's max_payload.
        this.#waiting.delete(token);
        request.reject(new Error(`a message to ${subject} cannot be published`, { cause }));
      }
    }
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
    request.reject(new Fault(request.published ? 'service.silent' : 'service.unavailable'));
  }
}

/** The broker's answer when a subject has no subscriber: empty, status 503. */
function nobodyListens(message: Msg): boolean {
  return message.data.length === 0 && message.headers?.code === 503;
}
