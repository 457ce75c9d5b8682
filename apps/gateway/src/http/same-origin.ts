import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a request that carries its credential as a cookie was made by one of our own pages, or by no browser at all
 * (which has no cookies it does not know of). `Sec-Fetch-Site` decides; browsers too old to send it send `Origin`.
 */
export function isOwnPage(headers: IncomingHttpHeaders, ownOrigin: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  return headers.origin === undefined || headers.origin === ownOrigin;
}
