import { z } from 'zod';
import { keyRing, postgresEnv, publicUrlEnv, redisEnv, runtimeEnv } from '#env/fields';

export const tokenEnv = z.object({
  ...runtimeEnv,
  ...postgresEnv,
  ...redisEnv,
  ...publicUrlEnv,
  SEAL_KEYS: keyRing().describe(
    'seals link secrets and signing keys at rest, and keys the digests of short secrets: `<id>:<base64 of 32 bytes>[,…]`, the first key seals, the others still open',
  ),
});

export type TokenConfig = z.output<typeof tokenEnv>;
