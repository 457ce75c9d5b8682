import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';

/** No kind is accepted where another is due: `typ` tells them apart (RFC 8725 section 3.11). */
const typ = { access: 'at+jwt', sdk: 'sdk+jwt', media: 'media+jwt', account: 'account+jwt' } as const;

export type JwtKind = keyof typeof typ;

/** The claims of our own JWTs that the gateway goes by. */
const claims = z.object({
  iss: z.string(),
  aud: z.string(),
  /** The userId, or `key_<id>`. */
  sub: z.string(),
  client_id: z.string(),
  scope: z.string(),
  /** The session it is of; an access token always has one (RFC 9068 with `sid` of OpenID Connect). */
  sid: z.uuid().optional(),
  /** Ours: the epoch of `sub` when the token was made. */
  epoch: z.int().optional(),
  /** Ours: the client's own id of the person. */
  ext: z.string().optional(),
  auth_time: z.int().optional(),
  iat: z.int(),
  exp: z.int(),
  jti: z.string(),
});
export type JwtClaims = z.output<typeof claims>;

const header = z.strictObject({ typ: z.enum(typ), alg: z.literal('EdDSA'), kid: z.string().max(128) });

/** A JWT of ours taken apart and not yet trusted. */
export interface UnverifiedJwt {
  readonly kind: JwtKind;
  readonly kid: string;
  readonly claims: JwtClaims;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

const longest = 8_192;
const kindOf = new Map(Object.entries(typ).map(([kind, name]) => [name, kind as JwtKind]));

/**
 * Takes a compact JWS apart, strictly: three segments of canonical base64url, exactly the header we write, the claims
 * we write. `null` for anything else (RFC 8725 sections 3.1 and 3.11: the header is only compared, never followed).
 */
export function readJwt(text: string): UnverifiedJwt | null {
  const segments = text.split('.');
  if (text.length > longest || segments.length !== 3) return null;
  const [head, body, signature] = segments.map(fromCanonicalBase64url);
  if (!head || !body || !signature) return null;
  const named = header.safeParse(fromJson(head)).data;
  const kind = named && kindOf.get(named.typ);
  const read = claims.safeParse(fromJson(body)).data;
  if (!named || !kind || !read || (kind === 'access' && read.sid === undefined)) return null;
  return { kind, kid: named.kid, claims: read, signed: Buffer.from(text.slice(0, text.lastIndexOf('.'))), signature };
}

/** Whether this issuer signed it, be it expired or not. */
export function isGenuine(token: UnverifiedJwt, key: KeyObject, issuer: string): boolean {
  return verify(null, token.signed, key, token.signature) && token.claims.iss === issuer;
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
