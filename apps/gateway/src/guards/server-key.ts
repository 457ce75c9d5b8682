import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';

/** Whether a page sent a request. `Sec-Fetch-Mode` proves nothing, since Node's own `fetch` sends it. */
export function isFromBrowser({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
}

/**
 * A private key belongs on a server: one that a browser sends is refused without a look at it (S-51).
 *
 * @throws Fault `key.exposed`
 */
export function refuseBrowser(request: Pick<FastifyRequest, 'headers'>): void {
  if (isFromBrowser(request)) throw new Fault('key.exposed');
}
