import { z } from 'zod';
import { parseKeyRing } from '#secrets/key-ring';
import { Secret } from './secret.js';

/** A field that must not be printed, e.g. a key or a URL with a password in it. */
export const secret = () =>
  z
    .string()
    .min(1)
    .transform((value) => new Secret(value))
    .meta({ secret: true });

/** Symmetric keys as `parseKeyRing` reads them, `<id>:<base64 of 32 bytes>[,…]`, the current one first. No default. */
export const keyRing = () =>
  secret().superRefine((keys, problems) => {
    try {
      parseKeyRing(keys.reveal());
    } catch (error) {
      problems.addIssue(error instanceof Error ? error.message : 'not a list of keys');
    }
  });

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `15m`, `30s`, `2h` … read as milliseconds. */
export const duration = (fallback: `${number}${keyof typeof unitMs}`) =>
  z
    .string()
    .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'a duration such as 15m')
    .transform((value) => {
      const unit = value.replace(/\d+/, '') as keyof typeof unitMs;
      return Number.parseInt(value, 10) * unitMs[unit];
    })
    .prefault(fallback);

export const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).prefault(fallback);

export const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .prefault(fallback ? 'true' : 'false');

/**
 * A default for `npm start` only: under `NODE_ENV=production` the variable must be set, and to something else (S-118).
 * The mark is read by `readEnv`.
 */
export function developmentDefault<Output>(field: z.ZodType<Output, string>, value: string) {
  return field.prefault(value).meta({ ...field.meta(), developmentDefault: value });
}

/** What every process reads. */
export const runtimeEnv = {
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe('`production` refuses every development default'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('the least severe log line that is written'),
  HOST: z.string().default('0.0.0.0').describe('the address both listeners bind'),
  OPS_PORT: port(9080).describe('the private listener: `/health/live`, `/health/ready`, `/metrics`; never publish it'),
  NATS_URL: developmentDefault(secret(), 'nats://127.0.0.1:4222').describe(
    'where NATS listens, with the account of the service: `nats://token:<password>@host:4222` (`tls://` insists on TLS)',
  ),
};

export const postgresEnv = {
  DATABASE_URL: developmentDefault(secret(), 'postgres://segue@127.0.0.1:5432/segue').describe(
    'the Postgres database, as the role of the service: `postgres://segue_token:<password>@host:5432/segue`',
  ),
};

export const redisEnv = {
  REDIS_URL: developmentDefault(secret(), 'redis://127.0.0.1:6379').describe(
    'Redis with AOF and `noeviction`, with the account of the service: `redis://token:<password>@host:6379`',
  ),
};

/** What the world calls us; whoever signs tokens and whoever checks them must agree on it byte for byte. */
export const publicUrlEnv = {
  PUBLIC_URL: developmentDefault(z.string(), 'http://127.0.0.1:8080')
    .refine(isOrigin, { error: 'an origin such as https://id.example.com: scheme and host, no path' })
    .describe(
      'how the world reaches the gateway: the issuer of tokens, absolute URLs, the host it answers for in production',
    ),
};

function isOrigin(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === value;
}
