import { z } from 'zod';
import { clientId } from '#contracts/ids';
import type { TracedAddresses } from '../http/trace.js';

/** TRACE is the verb this protocol names for re-authentication (docs/decisions/0005-trace.md). */
export const tracedAddresses: TracedAddresses = new Map([['/v1/auth', '/v1/auth/refresh']]);

/** RFC 6749 section 3.3: tokens parted by single spaces; none asks for all there are. */
const scope = z
  .string()
  .max(64 * 65)
  .regex(/^$|^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/, { error: 'scopes, parted by single spaces' })
  .transform((text) => [...new Set(text.split(' ').filter(Boolean))]);

/** What a program signs in with, where it is not in `x-api-key`. What else it sends is ignored. */
export const credentials = z
  .object({
    api_key: z.string().optional().describe('the whole key, or its public part beside `api_secret`'),
    api_secret: z.string().optional().describe('the rest of the key'),
    scope: scope.optional().describe('as few of the key’s scopes as will do; all of them unless said'),
  })
  .prefault({});
export type Credentials = z.output<typeof credentials>;

export const renewal = z.object({ refresh_token: z.string().optional() }).prefault({});
export type Renewal = z.output<typeof renewal>;

export const tokens = z
  .object({
    access_token: z.string(),
    refresh_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int().describe('seconds until the access token ends'),
    refresh_expires_in: z.int().describe('seconds until the session ends; nothing extends it'),
    scope: z.string(),
  })
  .meta({ id: 'ClientAuthTokens' });
export type Tokens = z.output<typeof tokens>;

export const standing = z
  .object({ active: z.literal(true), client_id: clientId, scope: z.string(), expires_in: z.int() })
  .meta({ id: 'ClientAuthStanding' });
export type Standing = z.output<typeof standing>;
