import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';

/**
 * A private key belongs on a server: one that a browser sends is refused without a look at it (S-51). `Sec-Fetch-Mode`
 * proves nothing, since Node's own `fetch` sends it.
 *
 * @throws Fault `key.exposed`
 */
export function refuseBrowser({ headers }: Pick<FastifyRequest, 'headers'>): void {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) throw new Fault('key.exposed');
}
