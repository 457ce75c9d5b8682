import { z } from 'zod';

/** The link, as protocol 000 has it. What is missing is judged like what is wrong: the user lands on the login page. */
export const apiLink = z.object({
  userToken: z.string().max(16_384).default('').describe('the signed JWT (HS256)'),
  clientId: z.string().max(128).default('').describe('the public id of the client'),
  callbackPath: z.string().optional().describe('where to land, a path of the landing’s origin'),
});
export type ApiLink = z.output<typeof apiLink>;

export const refusedLink = z
  .object({
    message: z.string(),
    code: z.enum(['invalid_token', 'account_suspended']),
    support: z.string().describe('under this id the audit trail names the precise reason and what to do about it'),
  })
  .meta({ id: 'RefusedLink' });
export type RefusedLink = z.output<typeof refusedLink>;
