import { z } from 'zod';

/** A user's id of at most 128 characters and our credential, as base64 of JSON. */
const longest = 2048;
const secret = z.object({ id: z.string(), secret: z.string().startsWith('segue_ss_').max(256) });

/** The one string that the cookie, `X-*-Session` and the fallback take alike. */
export function toSessionSecret(externalId: string, credential: string): string {
  return Buffer.from(JSON.stringify({ id: externalId, secret: credential })).toString('base64');
}

/** Our credential in it; `undefined` for any other text. The id beside it proves nothing and is not looked at. */
export function credentialIn(text: string | undefined): string | undefined {
  return text === undefined || text.length > longest
    ? undefined
    : secret.safeParse(fromJson(Buffer.from(text, 'base64').toString())).data?.secret;
}

export function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
