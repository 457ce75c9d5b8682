import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a GET that changes state must do nothing (S-24): a HEAD (link scanners), a prefetch, or a request whose answer
 * nobody would see, such as an image or a frame. Every browser sends `Sec-Fetch-Dest`; no other client does.
 */
export function isInert(method: string, headers: IncomingHttpHeaders): boolean {
  if (method === 'HEAD') return true;
  if ([headers['sec-purpose'], headers['purpose'], headers['x-moz'], headers['x-purpose']].some(announcesPrefetch))
    return true;
  const destination = headers['sec-fetch-dest'];
  return destination !== undefined && destination !== 'document';
}

function announcesPrefetch(value: string | string[] | undefined): boolean {
  return typeof value === 'string' && /^\s*(prefetch|prerender|preview)\b/i.test(value);
}
