import { setTimeout as delay } from 'node:timers/promises';
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import type { Secret } from '#env/secret';
import type { Log } from '#log/log';

const dialMs = 2_000;
const retryMs = 250;
/** A broker that vanished without closing the socket is noticed after two unanswered pings. */
const pingMs = 5_000;

export interface ConnectionOptions {
  /** Which service connects, as the broker lists it; its inboxes begin with `_INBOX_<name>`. */
  readonly name: string;
  /** `nats://[user:password@]host:port` (or `tls://`), several separated by commas. */
  readonly url: Secret;
  readonly log: Log;
}

/**
 * This process's one connection to NATS. It is made in the background and again for ever; until it stands, and while it
 * is lost, `connected` is false and nothing may be published: nats.js would keep it and send it later, when its caller
 * has long been told that nothing happened.
 */
export class Connection {
  readonly ready: Promise<NatsConnection>;
  #nats: NatsConnection | undefined;
  #connected = false;
  #closed = false;
  readonly #whenLost: (() => void)[] = [];
  readonly #whenMade: (() => void)[] = [];

  constructor(private readonly options: ConnectionOptions) {
    this.ready = this.#open(serversOf(options.url.reveal()));
  }

  /** What the inboxes of this service begin with: no other may listen there (deploy/nats.conf). */
  get inboxPrefix(): string {
    return `_INBOX_${this.options.name}`;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** The connection while it stands, otherwise `undefined`. */
  get live(): NatsConnection | undefined {
    return this.#connected ? this.#nats : undefined;
  }

  /** Runs `listener` as soon as a standing connection is lost. */
  whenLost(listener: () => void): void {
    this.#whenLost.push(listener);
  }

  /** Runs `listener` each time the connection is made, the first time included. */
  whenMade(listener: () => void): void {
    this.#whenMade.push(listener);
    if (this.#connected) listener();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connected = false;
    await this.#nats?.close();
  }

  async #open(servers: Servers): Promise<NatsConnection> {
    const { name, log } = this.options;
    log.info('waiting for NATS');
    while (!this.#closed) {
      try {
        const nats = await connect({
          ...servers,
          name,
          inboxPrefix: this.inboxPrefix,
          noAsyncTraces: true,
          waitOnFirstConnect: true,
          maxReconnectAttempts: -1,
          ignoreAuthErrorAbort: true,
          reconnectTimeWait: retryMs,
          timeout: dialMs,
          pingInterval: pingMs,
        });
        if (this.#closed) await nats.close();
        this.#nats = nats;
        this.#made();
        void this.#watch(nats);
        return nats;
      } catch (err) {
        log.warn('NATS refuses the connection', { err });
        await delay(1_000, undefined, { ref: false });
      }
    }
    throw new Error('the connection was closed before it stood');
  }

  /** Status events come in microtasks after the socket's, so no turn of the event loop sees an outdated `connected`. */
  async #watch(nats: NatsConnection): Promise<void> {
    for await (const status of nats.status()) {
      const { type } = status;
      if (type === 'error') this.options.log.error('NATS refuses', { err: status.error });
      if (type === 'disconnect' || type === 'staleConnection' || type === 'forceReconnect' || type === 'close') {
        this.#lost();
      }
      if (type === 'reconnect') this.#made();
    }
    this.#lost();
  }

  #made(): void {
    if (this.#connected || this.#closed) return;
    this.#connected = true;
    this.options.log.info('NATS is connected');
    for (const listener of this.#whenMade) listener();
  }

  #lost(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.options.log.warn('NATS is lost');
    for (const listener of this.#whenLost) listener();
  }
}

type Servers = Pick<NodeConnectionOptions, 'servers' | 'user' | 'pass' | 'tls'>;

/** nats.js takes credentials as options, not within a URL; `tls://` insists on TLS, otherwise the broker decides. */
function serversOf(url: string): Servers {
  const urls = url.split(',').map((part) => new URL(part.trim()));
  const credentials = urls.find((each) => each.username);
  return {
    servers: urls.map((each) => each.host),
    ...(urls.some((each) => each.protocol === 'tls:') && { tls: {} }),
    ...(credentials && {
      user: decodeURIComponent(credentials.username),
      pass: decodeURIComponent(credentials.password),
    }),
  };
}
