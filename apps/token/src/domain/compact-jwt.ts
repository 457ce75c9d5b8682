import type { LinkRefusal } from '#contracts/refusal';
import { parseStrictObject } from './strict-json.js';

const sizeLimit = 8192;
const knownMembers: ReadonlySet<string> = new Set(['alg', 'typ', 'kid']);

/** A token whose form is proven; nothing in it is believed yet. */
export interface CompactJwt {
  /** The bytes under the signature: `header.payload`. */
  readonly signingInput: string;
  readonly signature: Buffer;
  readonly kid: string | undefined;
  readonly claims: ReadonlyMap<string, unknown>;
}

type FormRefusal = Extract<LinkRefusal, 'malformed' | 'algorithm' | 'header'>;

/**
 * The strict gate before any JWT library: exactly three canonical base64url segments, at most 8 KiB, header and claims
 * as strict JSON objects, `alg` exactly HS256, no header member besides `alg`, `typ` and `kid`.
 *
 * Source: S-01, S-04 to S-07; RFC 7515 section 2; RFC 8725 section 3.
 */
export function parseCompactJwt(token: string): CompactJwt | FormRefusal {
  if (token.length > sizeLimit) return 'malformed';
  const segments = token.split('.');
  const [header, payload, signature] = segments;
  if (segments.length !== 3 || !header || !payload || !signature) return 'malformed';
  const signed = canonicalBytes(signature);
  if (!signed) return 'malformed';

  const members = readObject(header);
  const claims = readObject(payload);
  if (!members || !claims) return 'malformed';

  if (members.get('alg') !== 'HS256') return 'algorithm';
  if (![...members.keys()].every((name) => knownMembers.has(name))) return 'header';
  const typ = members.get('typ') ?? 'JWT';
  // RFC 7519 section 5.1; media types know no case
  if (typeof typ !== 'string' || typ.toUpperCase() !== 'JWT') return 'header';
  const kid = members.get('kid');
  if (kid !== undefined && typeof kid !== 'string') return 'header';

  return { signingInput: `${header}.${payload}`, signature: signed, kid, claims };
}

function readObject(segment: string): ReadonlyMap<string, unknown> | null {
  const bytes = canonicalBytes(segment);
  return bytes && parseStrictObject(bytes);
}

/** Whitespace, padding, the other alphabet and loose trailing bits all fail to come back as they were. */
function canonicalBytes(segment: string): Buffer | null {
  const bytes = Buffer.from(segment, 'base64url');
  return bytes.toString('base64url') === segment ? bytes : null;
}
