import type { IncomingMessage } from 'node:http';

export type HostTrouble = 'ambiguous' | 'unknown';

/**
 * Judges who a request is addressed to (S-47): exactly one `Host` field (RFC 9112 section 3.2), no absolute-form target that names another
 * authority, and in production a host we answer for. Node itself answers the first two as if nothing were wrong.
 *
 * @param ours the hosts we answer for (`host[:port]`), or `null` for any
 */
export function hostTrouble(
  message: Pick<IncomingMessage, 'rawHeaders' | 'headers' | 'url' | 'httpVersion'>,
  ours: ReadonlySet<string> | null,
): HostTrouble | null {
  const fields = hostFields(message.rawHeaders);
  if (fields > 1 || (fields === 0 && message.httpVersion === '1.1')) return 'ambiguous';

  const host = message.headers.host?.toLowerCase();
  const target = message.url ?? '';
  if (!target.startsWith('/') && target !== '*') {
    const authority = URL.parse(target)?.host;
    if (!authority || authority !== withoutDefaultPort(host, target)) return 'ambiguous';
  }
  if (!ours) return null;
  return host !== undefined && ours.has(host) ? null : 'unknown';
}

/** @param raw names and values in turn */
function hostFields(raw: readonly string[]): number {
  let fields = 0;
  for (let at = 0; at < raw.length; at += 2) if (raw[at]?.length === 4 && raw[at]?.toLowerCase() === 'host') fields++;
  return fields;
}

function withoutDefaultPort(host: string | undefined, target: string): string | undefined {
  return target.startsWith('https:') ? host?.replace(/:443$/, '') : host?.replace(/:80$/, '');
}

/** The forms under which `Host` may name the host of a URL. */
export function hostsOf(url: string): ReadonlySet<string> {
  const { host, port, protocol } = new URL(url);
  return new Set(port ? [host] : [host, `${host}:${protocol === 'https:' ? 443 : 80}`]);
}
