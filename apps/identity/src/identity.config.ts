import { z } from 'zod';
import { keyRing, postgresEnv, runtimeEnv } from '#env/fields';

export const identityEnv = z.object({
  ...runtimeEnv,
  ...postgresEnv,
  SEAL_KEYS: keyRing().describe(
    'seals the secrets of second factors at rest: `<id>:<base64 of 32 bytes>[,…]`, the first key seals, the others still open',
  ),
});

export type IdentityConfig = z.output<typeof identityEnv>;
