import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { type SessionView, session } from '#contracts/session';
import { clientNamedBy, isRefreshToken } from '../guards/credential.js';
import { Issuer } from '../guards/issuer.js';
import { type JwtClaims, type JwtKind, readJwt } from '../guards/jwt.js';
import { Jwts } from '../guards/jwts.js';

/** What a token is worth now. Times are in seconds since 1970. */
export const introspection = z
  .object({
    active: z.boolean(),
    /** Ours: what it may be used as. A token of one kind is never one of another. */
    token_use: z.enum(['access', 'sdk', 'media', 'account', 'refresh']),
    /** `N_A` for what is no access token (RFC 8693 section 2.2.1). */
    token_type: z.enum(['Bearer', 'N_A']),
    client_id: z.string(),
    sub: z.string(),
    scope: z.string(),
    iss: z.string(),
    aud: z.string(),
    iat: z.int(),
    exp: z.int(),
    jti: z.string(),
    sid: z.string(),
    ext: z.string(),
    auth_time: z.int(),
  })
  .partial()
  .required({ active: true })
  .meta({ id: 'Introspection' });
export type Introspection = z.output<typeof introspection>;

/** Of a token that is not valid for whoever asks, nothing else is told: not why, and not whether it ever was one (S-92). */
const inactive: Introspection = { active: false };

/** Tells a client what one of its own tokens is worth (RFC 7662). */
@Injectable()
export class IntrospectFlow {
  constructor(
    private readonly bus: Bus,
    private readonly jwts: Jwts,
    private readonly issuer: Issuer,
  ) {}

  /** @param clientId who asks */
  async run(text: string, clientId: string): Promise<Introspection> {
    const jwt = readJwt(text);
    if (jwt?.claims.client_id === clientId && (await this.#holds(text, jwt.kind))) return ofJwt(jwt.kind, jwt.claims);
    if (!isRefreshToken(text) || clientNamedBy(text) !== clientId) return inactive;
    const current = await this.bus.ask(session.read, { refreshToken: text });
    return current?.clientId === clientId ? this.#ofRefreshToken(current) : inactive;
  }

  async #holds(text: string, kind: JwtKind): Promise<boolean> {
    try {
      return (await this.jwts.check(text, kind)) !== null;
    } catch (error) {
      if (error instanceof Fault && error.code === 'token.expired') return false;
      throw error;
    }
  }

  #ofRefreshToken(current: SessionView): Introspection {
    const { clientId: client_id, subject: sub, sessionId: sid, scopes } = current;
    const [iat, exp, auth_time] = [current.createdAt, current.expiresAt, current.authenticatedAt].map(inSeconds);
    const named = { client_id, sub, sid, scope: scopes.join(' '), iss: this.issuer.url };
    return { active: true, token_use: 'refresh', token_type: 'N_A', ...named, iat, exp, auth_time };
  }
}

function ofJwt(
  kind: JwtKind,
  { client_id, sub, scope, iss, aud, iat, exp, jti, ...optional }: JwtClaims,
): Introspection {
  const token_type = kind === 'access' || kind === 'sdk' ? 'Bearer' : 'N_A';
  const { sid, ext, auth_time } = optional;
  const always = { token_use: kind, token_type, client_id, sub, scope, iss, aud, iat, exp, jti } as const;
  return { active: true, ...always, sid, ext, auth_time };
}

const inSeconds = (instant: string) => Math.floor(Date.parse(instant) / 1000);
