import { z } from 'zod';
import { externalId } from '#contracts/ids';
import { isShort } from '#contracts/token';

/** What a body says with `null` it does not say. */
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);

/** The longest life of a secret that could be guessed, in seconds. */
const longestShortLife = 900;

/** The family's own form of an id; other users are reached by whatever id their client gave them. */
const newUserId = z.string().regex(/^(unique\(\)|[a-zA-Z0-9][a-zA-Z0-9._-]{0,35})$/, {
  error: '1 to 36 of a-z, A-Z, 0-9, period, hyphen and underscore, none of the last three first; or unique()',
});

export const newUser = z.object({
  userId: newUserId.describe('your id of the user, or `unique()`'),
  email: optional(z.string().max(254)),
  phone: z.unknown().optional().describe('not kept'),
  password: optional(z.string().max(256)),
  name: optional(z.string().max(256)),
});
export type NewUser = z.output<typeof newUser>;

export const newToken = z
  .object({
    length: optional(z.int().min(5).max(128))
      .transform((length = 6) => length)
      .describe('hex digits, 5 to 128; 6 unless said'),
    expire: optional(z.int().min(60).max(31_536_000))
      .transform((seconds = 900) => seconds)
      .describe('seconds, 60 to 31536000; 900 unless said'),
  })
  .refine(({ length, expire }) => !isShort(length) || expire <= longestShortLife, {
    path: ['expire'],
    error: `at most ${longestShortLife} for fewer than 16 digits`,
  })
  .prefault({});
export type NewToken = z.output<typeof newToken>;

export const exchanged = z.object({ userId: externalId, secret: z.string().min(1).max(256) });
export type Exchanged = z.output<typeof exchanged>;

const duration = optional(z.int().min(0).max(3600))
  .transform((seconds = 900) => seconds)
  .describe('seconds, 0 to 3600; 900 unless said');
export const newJwt = z.object({ duration }).prefault({});
export type NewJwt = z.output<typeof newJwt>;
export const newUserJwt = z
  .object({
    sessionId: optional(z.string().max(256)).describe('which session it dies with; the most recent unless said'),
    duration,
  })
  .prefault({});
export type NewUserJwt = z.output<typeof newUserJwt>;

/** Times are ISO 8601. What Segue does not keep is empty. */
export const userModel = z
  .object({
    $id: z.string().describe('the `externalId`'),
    $createdAt: z.string(),
    $updatedAt: z.string(),
    name: z.string().describe('the username; empty while the user has none'),
    registration: z.string(),
    status: z.boolean().describe('false while suspended'),
    labels: z.array(z.string()),
    passwordUpdate: z.string(),
    email: z.string().describe('empty for a placeholder'),
    phone: z.string(),
    emailVerification: z.boolean(),
    phoneVerification: z.boolean(),
    mfa: z.boolean(),
    prefs: z.record(z.string(), z.string()),
    targets: z.array(z.string()),
    accessedAt: z.string(),
  })
  .meta({ id: 'CustomTokenUser' });

export const tokenModel = z
  .object({
    $id: z.string(),
    $createdAt: z.string(),
    userId: z.string(),
    secret: z.string().describe('lower-case hex; shown in this answer only'),
    expire: z.string(),
    phrase: z.string(),
  })
  .meta({ id: 'CustomToken' });

const unkept = [
  ...['providerUid', 'providerAccessToken', 'providerAccessTokenExpiry', 'providerRefreshToken', 'ip'],
  ...['osCode', 'osName', 'osVersion', 'clientType', 'clientCode', 'clientName', 'clientVersion', 'clientEngine'],
  ...['clientEngineVersion', 'deviceName', 'deviceBrand', 'deviceModel', 'countryCode', 'countryName', 'mfaUpdatedAt'],
] as const;
/** What the family tells of a session and Segue does not keep. */
export const unkeptOfSessions = Object.fromEntries(unkept.map((name) => [name, ''])) as Record<
  (typeof unkept)[number],
  string
>;

export const sessionModel = z
  .object({
    $id: z.string(),
    $createdAt: z.string(),
    $updatedAt: z.string(),
    userId: z.string(),
    expire: z.string(),
    provider: z.string(),
    current: z.boolean(),
    factors: z.array(z.string()),
    secret: z.string().describe('for `X-Appwrite-Session`; empty unless a private key asks'),
    ...(Object.fromEntries(unkept.map((name) => [name, z.string()])) as Record<(typeof unkept)[number], z.ZodString>),
  })
  .meta({ id: 'CustomTokenSession' });

export const sessionsModel = z
  .object({ total: z.int(), sessions: z.array(sessionModel) })
  .meta({ id: 'CustomTokenSessions' });

export const jwtModel = z.object({ jwt: z.string() }).meta({ id: 'CustomTokenJwt' });
