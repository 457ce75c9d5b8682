import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';

/** The claims of an access token (RFC 9068) that the gateway goes by. */
const claims = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.string(),
  client_id: z.string(),
  scope: z.string(),
  sid: z.uuid(),
  /** Ours: the epoch of `sub` when the token was made. */
  epoch: z.int().optional(),
  iat: z.int(),
  exp: z.int(),
  jti: z.string(),
});
export type AccessClaims = z.output<typeof claims>;

const header = z.strictObject({ typ: z.literal('at+jwt'), alg: z.literal('EdDSA'), kid: z.string().max(128) });

/** An access token taken apart and not yet trusted. */
export interface UnverifiedToken {
  readonly kid: string;
  readonly claims: AccessClaims;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

const longest = 8_192;

/**
 * Takes a compact JWS apart, strictly: three segments of canonical base64url, exactly the header we write, the claims
 * we write. `null` for anything else (RFC 8725 sections 3.1 and 3.11: the header is only compared, never followed).
 */
export function readAccessToken(text: string): UnverifiedToken | null {
  const segments = text.split('.');
  if (text.length > longest || segments.length !== 3) return null;
  const [head, body, signature] = segments.map(fromCanonicalBase64url);
  if (!head || !body || !signature) return null;
  const kid = header.safeParse(fromJson(head)).data?.kid;
  const read = claims.safeParse(fromJson(body)).data;
  if (kid === undefined || !read) return null;
  return { kid, claims: read, signed: Buffer.from(text.slice(0, text.lastIndexOf('.'))), signature };
}

/** @param now seconds since 1970 */
export function isGenuine(token: UnverifiedToken, key: KeyObject, issuer: string, now: number): boolean {
  const { iss, exp } = token.claims;
  return verify(null, token.signed, key, token.signature) && iss === issuer && exp > now;
}

/** The public half of an Ed25519 key (RFC 8037). */
export function ed25519Key(x: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

function fromCanonicalBase64url(segment: string): Buffer | null {
  const bytes = Buffer.from(segment, 'base64url');
  return bytes.length > 0 && bytes.toString('base64url') === segment ? bytes : null;
}

function fromJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
