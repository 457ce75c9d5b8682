import { Fault } from '#contracts/fault';
import type { Credentials } from './client-auth.schema.js';

const publicPart = /^segue_sk_[a-z0-9]{8,36}_[0-9A-Za-z]{12}$/;

/**
 * The key a program signs in with: the header first, then the body. A secret beside it completes its public part, and is
 * held against the whole key; it is never passed over.
 *
 * @throws Fault `request.invalid` where there is none, `key.refused` where key and secret are of two minds
 */
export function presentedKey(header: string | string[] | undefined, { api_key, api_secret }: Credentials): string {
  const key = header?.toString() || api_key;
  if (!key) throw new Fault('request.invalid', { detail: 'an API key is due, in `x-api-key` or as `api_key`' });
  if (api_secret === undefined) return key;
  if (publicPart.test(key)) return `${key}_${api_secret}`;
  if (key.slice(key.lastIndexOf('_') + 1) !== api_secret) throw new Fault('key.refused');
  return key;
}
