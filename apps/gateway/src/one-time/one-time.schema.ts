import { z } from 'zod';
import { longestAccessSeconds } from '#contracts/settings';
import { toldOnSignInPage } from '../http/sign-in-page.js';

/** A parameter without a value counts as omitted (RFC 6749 section 3.2). */
const omissible = (most: number) =>
  z
    .string()
    .max(most)
    .transform((value) => value || undefined)
    .optional();
const app = omissible(512).describe('the app the refresh token is bound to; header `client_id` wins');

export const grant = z.discriminatedUnion('grant_type', [
  z.object({
    grant_type: z.literal('password'),
    username: z.string().min(1).max(254).describe('the e-mail'),
    password: z.string().min(1).max(1024),
    totp: omissible(32).describe('the second factor, where the user has one'),
    client_id: app,
  }),
  z.object({
    grant_type: z.literal('refresh_token'),
    refresh_token: z.string().min(1),
    client_id: app,
  }),
]);
export type Grant = z.output<typeof grant>;
export type PasswordGrant = Extract<Grant, { grant_type: 'password' }>;
export type RefreshGrant = Extract<Grant, { grant_type: 'refresh_token' }>;

export const granted = z
  .object({
    access_token: z.string(),
    token_type: z.literal('bearer'),
    expires_in: z.int().describe('seconds'),
    refresh_token: z.string(),
  })
  .meta({ id: 'Granted' });

export const confirmation = z
  .object({
    WasSuccessful: z.boolean(),
    Value: z.string().nullable().describe('the one-time token: the `t` of an address'),
    Status: z.int().describe('the HTTP status'),
    Message: z.string().nullable(),
    Errors: z.array(z.object({ AttemptedValue: z.null(), Message: z.string(), PropertyName: z.null() })).nullable(),
  })
  .meta({ id: 'ActionConfirmation' });

/** What is longer than any token of ours is none; it is refused like any other. */
const oneTimeToken = z.string().transform((value) => value.slice(0, 256));
const redirectUrl = z
  .string()
  .max(2048)
  .catch('')
  .optional()
  .describe('where to land, as the `callbackPath` of a link');

export const landingQuery = toldOnSignInPage.extend({
  t: oneTimeToken.optional().describe('the one-time token; without it this is a plain sign-in page'),
  redirectUrl,
  server: z.string().optional().describe('accepted and ignored'),
});
export type LandingQuery = z.output<typeof landingQuery>;

/** What our own pages send on, and which button was pressed. */
export const landingForm = z.object({
  t: oneTimeToken.default(''),
  redirectUrl,
  confirmed: z.literal('switch').optional().catch(undefined),
});
export type LandingForm = z.output<typeof landingForm>;

const longestMinutes = longestAccessSeconds / 60;

export const exchange = z.object({
  token: oneTimeToken.default(''),
  validForInMinutes: z
    .string()
    .regex(/^\d{1,9}$/, { error: 'a whole number' })
    .default('1440')
    .transform(Number)
    .refine((minutes) => minutes >= 1 && minutes <= longestMinutes, { error: `1 to ${longestMinutes}` })
    .describe('how long the bearer token is to live; less where the client or the session allows less'),
});
export type Exchange = z.output<typeof exchange>;

export const exchanged = z
  .object({
    token: z.string(),
    token_type: z.literal('bearer'),
    expires_in: z.int().describe('seconds'),
    refresh_token: z.string(),
  })
  .meta({ id: 'Exchanged' });
