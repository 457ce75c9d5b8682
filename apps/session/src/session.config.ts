import { z } from 'zod';
import { postgresEnv, runtimeEnv, secret } from '#env/fields';
import { parseKeyRing } from '#secrets/key-ring';

export const sessionEnv = z.object({
  ...runtimeEnv,
  ...postgresEnv,
  REFRESH_MAC_KEYS: secret()
    .superRefine((keys, problems) => {
      try {
        parseKeyRing(keys.reveal());
      } catch (error) {
        problems.addIssue(error instanceof Error ? error.message : 'not a list of keys');
      }
    })
    .describe(
      'the keys that session cookies and refresh tokens are proven by: `<id>:<base64 of 32 bytes>[,…]`, the current one first; ' +
        'an older one stays until every session it proves has ended',
    ),
});

export type SessionConfig = z.output<typeof sessionEnv>;
