import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import type { Log } from '#log/log';
import { exposition } from '#metrics/exposition';
import type { Readiness } from './readiness.js';

export interface OpsOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly readiness: Readiness;
  readonly log: Log;
}

export interface Ops {
  /** Where it listens, e.g. `http://127.0.0.1:9080`. */
  readonly url: string;
  close(): Promise<void>;
}

/** What the private listener says to one question. */
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/**
 * Starts the private listener (`/health/live`, `/health/ready`, `/metrics`): before anything that may have to wait. From
 * now on Nest's own lines go to the process's log.
 *
 * Node's own server: a service speaks no other HTTP, and a second Nest application with Fastify in each process cost it
 * more memory and start-up time than its three answers are worth.
 */
export async function startOps({ host, port, readiness, log }: OpsOptions): Promise<Ops> {
  Logger.overrideLogger(log.forNest());
  const server = createServer(listener(readiness, log));
  server.listen(port, host);
  await once(server, 'listening');
  return {
    url: urlOf(server.address() as AddressInfo),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function listener(readiness: Readiness, log: Log): RequestListener {
  return async (request, response) => {
    const { status, type, text } = await answer(request, readiness).catch((err: unknown) => {
      log.error('the private listener failed', { err });
      return json(500, { status: 'error' });
    });
    response
      .writeHead(status, {
        'content-type': type,
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
      })
      .end(text);
  };
}

async function answer({ method, url = '' }: IncomingMessage, readiness: Readiness): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return json(404, { status: 'unknown' });
  switch (url.split('?', 1)[0]) {
    // Answers as long as the event loop turns; waiting for Postgres or NATS is no reason for a restart.
    case '/health/live':
      return json(200, { status: 'ok' });
    case '/health/ready':
      return ready(await readiness.parts());
    case '/metrics':
      return { status: 200, ...(await exposition()) };
    default:
      return json(404, { status: 'unknown' });
  }
}

/** Names parts and states as Nest's Terminus does, never a reason: those stand in the log. */
function ready(parts: Awaited<ReturnType<Readiness['parts']>>): Answer {
  const only = (states: readonly string[]) =>
    Object.fromEntries(
      [...parts].filter(([, status]) => states.includes(status)).map(([name, status]) => [name, { status }]),
    );
  const [info, error] = [only(['up']), only(['down'])];
  const works = Object.keys(error).length === 0;
  return json(works ? 200 : 503, { status: works ? 'ok' : 'error', info, error, details: only(['up', 'down']) });
}

function json(status: number, body: object): Answer {
  return { status, type: 'application/json; charset=utf-8', text: JSON.stringify(body) };
}

/** By an address that this machine can ask, also where it listens on all of them. */
function urlOf({ address, port }: AddressInfo): string {
  if (address === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (address === '::') return `http://[::1]:${port}`;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
