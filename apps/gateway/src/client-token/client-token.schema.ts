import { z } from 'zod';
import { clientId, instant, text } from '#contracts/ids';

/** What the backend asks for. Nothing is clamped: what is out of bounds is refused (S-53). */
export const tokenQuery = z.object({
  expiryMins: z
    .string()
    .regex(/^\d+$/, { error: 'a whole number of minutes' })
    .default('60')
    .transform(Number)
    .pipe(z.int().min(1).max(1440))
    .describe('minutes until the token ends, 1 to 1440'),
  extId: text(100).optional().describe('the client’s own id of the person the token is for'),
});
export type TokenQuery = z.output<typeof tokenQuery>;

export const issuedToken = z.object({ token: z.string() }).meta({ id: 'ShortLivedToken' });

/** Who an SDK is calling as. */
export const clientCaller = z
  .object({
    clientId,
    via: z.enum(['token', 'public_key']),
    scopes: z.array(z.string()),
    extId: z.string().optional(),
    expiresAt: instant.optional(),
  })
  .meta({ id: 'ClientCaller' });
export type ClientCaller = z.output<typeof clientCaller>;
