import type { IncomingHttpHeaders } from 'node:http';
import type { onRequestHookHandler } from 'fastify';
import type { RouteManners } from './manners.js';

/** Has a route do nothing for requests that must not; `undefined` where it may always. */
export function inertHook({ changesState, mints, embeddable }: RouteManners = {}): onRequestHookHandler | undefined {
  if (!changesState && !mints) return undefined;
  return ({ method, headers }, reply, done) => {
    if (mints && method === 'HEAD') reply.code(200).send();
    else if (!changesState || !isInert(method, headers, embeddable)) done();
    // 204 keeps a browser from showing later what it fetched now.
    else reply.code(method === 'HEAD' ? 200 : 204).send();
  };
}

/**
 * Whether a request that changes state must do nothing (S-24): a HEAD (link scanners), a prefetch, or a request whose
 * answer nobody would see, such as an image. Every browser sends `Sec-Fetch-Dest`; no other client does.
 *
 * @param embeddable a frame is let through: the route itself asks whether its client may be embedded
 */
export function isInert(method: string, headers: IncomingHttpHeaders, embeddable = false): boolean {
  if (method === 'HEAD') return true;
  if ([headers['sec-purpose'], headers['purpose'], headers['x-moz'], headers['x-purpose']].some(announcesPrefetch))
    return true;
  const destination = headers['sec-fetch-dest'];
  return destination !== undefined && destination !== 'document' && !(embeddable && isFramed(headers));
}

/** Whether the answer would be shown inside a page of somebody else. */
export function isFramed(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-dest'] === 'iframe';
}

function announcesPrefetch(value: string | string[] | undefined): boolean {
  return typeof value === 'string' && /^\s*(prefetch|prerender|preview)\b/i.test(value);
}
