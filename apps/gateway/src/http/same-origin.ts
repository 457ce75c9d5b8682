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

/**
 * Whether a button on one of our own pages was pressed. Unlike `isOwnPage` it takes no silence for an answer, and it
 * cannot go by `Origin`: our pages send no referrer, so a browser says `null` there (Fetch standard, "append a request
 * `Origin` header").
 */
export function isOwnButton(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-site'] === 'same-origin';
}

/** The web origin another page calls from; `null` where our own page calls, or no page at all. */
export function foreignOrigin(headers: IncomingHttpHeaders, ownOrigin: string): string | null {
  if (headers.origin === undefined || headers['sec-fetch-site'] === 'same-origin') return null;
  return headers.origin === ownOrigin ? null : headers.origin;
}
