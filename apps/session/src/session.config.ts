import { z } from 'zod';
import { keyRing, postgresEnv, runtimeEnv } from '#env/fields';

export const sessionEnv = z.object({
  ...runtimeEnv,
  ...postgresEnv,
  REFRESH_MAC_KEYS: keyRing().describe(
    'the keys that session cookies and refresh tokens are proven by: `<id>:<base64 of 32 bytes>[,…]`, the current one first; ' +
      'an older one stays until every session it proves has ended',
  ),
});

export type SessionConfig = z.output<typeof sessionEnv>;
