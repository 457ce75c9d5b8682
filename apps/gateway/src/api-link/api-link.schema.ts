import { z } from 'zod';

/** What is missing is judged like what is wrong: the user lands on the login page. */
const clientId = z.string().max(128).default('').describe('the public id of the client');
const userToken = z.string().max(16_384).default('').describe('the signed JWT (HS256)');
const handle = z.string().max(64).describe('names a link that came by a form of another site');

/** The link, as protocol 000 has it. */
export const apiLink = z.object({
  userToken,
  clientId,
  callbackPath: z
    .string()
    .max(2048)
    .catch('')
    .optional()
    .describe('where to land: a path of the landing’s origin, or exactly one of `redirectUrls`'),
});
export type ApiLink = z.output<typeof apiLink>;

/** The link as a form; our own pages send on what they were opened with, and which button was pressed. */
export const apiLinkForm = apiLink
  .extend({
    h: handle.optional(),
    confirmed: z.literal('switch').optional().catch(undefined).describe('set by our own page only'),
  })
  .prefault({});
export type ApiLinkForm = z.output<typeof apiLinkForm>;

export const parkedLink = z.object({
  h: handle.default(''),
  clientId: clientId.describe('whose login page a refusal leads to'),
});
export type ParkedLink = z.output<typeof parkedLink>;
