import type { Pair } from '../http/bearer-pair.js';
import type { Tokens } from './client-auth.schema.js';

/** A pair in the words of protocol 002. @param sessionSeconds what is left of the session */
export function told(
  { accessToken, refreshToken, expiresIn }: Pair,
  scopes: readonly string[],
  sessionSeconds: number,
): Tokens {
  return {
    access_token: accessToken,
    refresh_token: refreshToken,
    token_type: 'Bearer',
    expires_in: expiresIn,
    refresh_expires_in: sessionSeconds,
    scope: scopes.join(' '),
  };
}
