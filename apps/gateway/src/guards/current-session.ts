import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Bus } from '#bus/bus';
import { type SessionView, session } from '#contracts/session';
import { Revocations } from '../feed/revocations.js';
import { SessionCookie } from '../http/session-cookie.js';
import { type AccessClaims, isGenuine, readAccessToken } from './access-token.js';
import { bearerOf } from './bearer.js';
import { ClientSettings } from './client-settings.js';
import { SigningKeys } from './signing-keys.js';

/** Where the gateway is reached: the issuer of every token, and the origin of its own pages. */
export class Issuer {
  constructor(readonly url: string) {}
}

/** Who is calling: what an access token says of itself, and a session too. */
export type SignedIn = Pick<SessionView, 'clientId' | 'subject' | 'sessionId' | 'scopes'>;

/** Which live session a request speaks for. */
@Injectable()
export class CurrentSession {
  constructor(
    private readonly bus: Bus,
    private readonly cookie: SessionCookie,
    private readonly keys: SigningKeys,
    private readonly settings: ClientSettings,
    private readonly revocations: Revocations,
    private readonly issuer: Issuer,
  ) {}

  /** By access token where one is given, else by cookie; `null` where neither names a live session. Asks its owner. */
  async find(request: FastifyRequest): Promise<SessionView | null> {
    if (request.headers.authorization === undefined) return this.#ofCookie(request);
    const claims = await this.#genuine(bearerOf(request) ?? '');
    return claims && this.#asked(claims);
  }

  /**
   * The same, but an access token is checked without asking anybody while the revocations are known; otherwise
   * its owner is asked as well.
   */
  async caller(request: FastifyRequest): Promise<SignedIn | null> {
    if (request.headers.authorization === undefined) return this.#ofCookie(request);
    const claims = await this.#genuine(bearerOf(request) ?? '');
    if (!claims) return null;
    const { client_id: clientId, sub: subject, sid: sessionId, epoch, iat: issuedAt, scope } = claims;
    const revoked = this.revocations.trusted();
    if (!revoked) return this.#asked(claims);
    if (revoked.refuses({ clientId, subject, sessionId, epoch, issuedAt })) return null;
    return { clientId, subject, sessionId, scopes: scope.split(' ').filter(Boolean) };
  }

  async #ofCookie(request: FastifyRequest): Promise<SessionView | null> {
    const cookie = this.cookie.read(request);
    return cookie === undefined ? null : this.bus.ask(session.read, { cookie });
  }

  #asked({ client_id: clientId, sid: sessionId }: AccessClaims): Promise<SessionView | null> {
    return this.bus.ask(session.read, { clientId, sessionId });
  }

  /** The claims of an access token that this issuer signed for an active client, and that has not expired. */
  async #genuine(text: string): Promise<AccessClaims | null> {
    const token = readAccessToken(text);
    const key = token && (await this.keys.find(token.kid));
    if (!token || !key || !isGenuine(token, key, this.issuer.url, Date.now() / 1000)) return null;
    const client = await this.settings.standing(token.claims.client_id);
    if (client?.status !== 'active' || token.claims.aud !== (client.settings.audience ?? this.issuer.url)) return null;
    return token.claims;
  }
}
