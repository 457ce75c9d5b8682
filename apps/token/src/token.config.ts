import { z } from 'zod';
import { developmentDefault, postgresEnv, redisEnv, runtimeEnv } from '#env/fields';
import { Secret } from '#env/secret';
import { parseKeyRing } from '#secrets/key-ring';

const sealKeys = z
  .string()
  .refine(isKeyRing, { error: '<id>:<base64 of 32 bytes>[,<id>:<base64>…], the current key first' })
  .transform((value) => new Secret(value))
  .meta({ secret: true });

/** The `iss` of every token: no trailing slash, so that it equals the issuer of the metadata byte for byte. */
const issuer = z.url({ protocol: /^https?$/ }).transform((value) => value.replace(/\/+$/, ''));

export const tokenEnv = z.object({
  ...runtimeEnv,
  ...postgresEnv,
  ...redisEnv,
  PUBLIC_URL: developmentDefault(issuer, 'http://127.0.0.1:8080').describe(
    'where browsers reach Segue; the `iss` of every token it signs',
  ),
  SEAL_KEYS: developmentDefault(sealKeys, `dev:${Buffer.alloc(32, 'development').toString('base64')}`).describe(
    'seals link secrets and signing keys at rest; the first key seals, the others still open',
  ),
});

export type TokenConfig = z.output<typeof tokenEnv>;

function isKeyRing(value: string): boolean {
  try {
    parseKeyRing(value);
    return true;
  } catch {
    return false;
  }
}
