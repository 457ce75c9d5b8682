import type { z } from 'zod';
import { isText } from '#contracts/ids';
import { canonicalLocale, normalEmail } from '#contracts/person';
import type { LinkRefusal } from '#contracts/refusal';
import type { linkClaims } from '#contracts/token';

/** Seconds by which clocks may differ: one constant for every comparison of times (S-09). */
export const leewaySeconds = 30;

type LinkClaims = z.output<typeof linkClaims>;
type Claims = ReadonlyMap<string, unknown>;

/** What a link whose signature is proven says. */
export interface LinkToken {
  readonly claims: LinkClaims;
  readonly jti: string | undefined;
  /** Seconds; which of two links is newer (state.md, "A link"). */
  readonly asOf: number;
  /** Seconds; the end of its life, before leeway. */
  readonly expiresAt: number;
}

type ClaimRefusal = Extract<LinkRefusal, 'claims' | 'expired' | 'not_yet_valid' | 'no_expiry' | 'lifetime'>;

/**
 * Judges the claims of protocol 000. Absent and `null` are the same; unknown claims are ignored (S-34).
 *
 * @param now seconds
 * @param maxAge seconds; the client's `linkMaxAgeSeconds`
 */
export function readLinkToken(claims: Claims, now: number, maxAge: number): LinkToken | ClaimRefusal {
  const life = readLife(claims, now, maxAge);
  if (typeof life === 'string') return life;
  const user = readUser(claims);
  const jti = claims.get('jti') ?? undefined;
  // it becomes part of the session's origin, whose length is limited
  if (!user || (jti !== undefined && !(isText(jti, 128) && jti.length <= 128))) return 'claims';
  return { claims: user, jti, ...life };
}

/** The time rules of http-api.md 000 (S-08, S-21). */
function readLife(claims: Claims, now: number, maxAge: number): Pick<LinkToken, 'asOf' | 'expiresAt'> | ClaimRefusal {
  const exp = claims.get('exp') ?? undefined;
  const iat = claims.get('iat') ?? undefined;
  const nbf = claims.get('nbf') ?? undefined;
  // a date that is no finite integer (a string, 1e999, 1.5) is none at all
  if (!isOptionalDate(exp) || !isOptionalDate(iat) || !isOptionalDate(nbf)) return 'claims';
  if ((nbf ?? now) > now + leewaySeconds || (iat ?? now) > now + leewaySeconds) return 'not_yet_valid';

  if (exp === undefined) {
    if (iat === undefined) return 'no_expiry';
    return iat + maxAge > now - leewaySeconds ? { asOf: iat, expiresAt: iat + maxAge } : 'expired';
  }
  if (exp <= now - leewaySeconds) return 'expired';
  // never shortened; without iat the two ends stand on different clocks
  if (exp > (iat === undefined ? now + leewaySeconds : iat) + maxAge) return 'lifetime';
  return { asOf: iat ?? exp - maxAge, expiresAt: exp };
}

function isOptionalDate(value: unknown): value is number | undefined {
  return value === undefined || Number.isSafeInteger(value);
}

function readUser(claims: Claims): LinkClaims | null {
  const externalId = claims.get('userId');
  const email = claims.get('email') ?? undefined;
  const username = claims.get('username') ?? undefined;
  const wish = claims.get('locale') ?? undefined;
  const locale = wish === undefined ? undefined : isText(wish, 35) ? canonicalLocale(wish) : null;
  const handle = claims.get('anonymousAccountId') ?? undefined;

  if (!isText(externalId, 128)) return null;
  if (email !== undefined && !(isText(email, 254) && normalEmail(email))) return null;
  if (username !== undefined && !isText(username, 128)) return null;
  if (locale === null) return null;
  return {
    externalId,
    ...(email !== undefined && { email }),
    ...(locale !== undefined && { locale }),
    ...(username !== undefined && { username }),
    // a malformed handle is as unknown as an invented one: the merge is refused, the sign-in goes on
    ...(handle !== undefined && { anonymousAccountId: isText(handle, 128) && handle.length <= 128 ? handle : '' }),
  };
}
