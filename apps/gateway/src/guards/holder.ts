import type { JwtClaims } from './jwt.js';

/** Whom a JWT of ours speaks for. Times are in seconds since 1970. */
export interface Holder {
  readonly clientId: string;
  /** The userId, or `key_<id>`. */
  readonly subject: string;
  /** Absent where the token is of no session. */
  readonly sessionId: string | undefined;
  readonly scopes: readonly string[];
  readonly epoch: number | undefined;
  readonly externalId: string | undefined;
  readonly authTime: number | undefined;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export function holderOf(claims: JwtClaims): Holder {
  return {
    clientId: claims.client_id,
    subject: claims.sub,
    sessionId: claims.sid,
    scopes: claims.scope.split(' ').filter(Boolean),
    epoch: claims.epoch,
    externalId: claims.ext,
    authTime: claims.auth_time,
    issuedAt: claims.iat,
    expiresAt: claims.exp,
  };
}
