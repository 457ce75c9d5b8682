import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Bus } from '#bus/bus';
import { type SessionView, session } from '#contracts/session';
import { SessionCookie } from '../http/session-cookie.js';
import { isGenuine, readAccessToken } from './access-token.js';
import { bearerOf } from './bearer.js';
import { ClientSettings } from './client-settings.js';
import { SigningKeys } from './signing-keys.js';

/** Where the gateway is reached: the issuer of every token, and the origin of its own pages. */
export class Issuer {
  constructor(readonly url: string) {}
}

/** Which live session a request speaks for. */
@Injectable()
export class CurrentSession {
  constructor(
    private readonly bus: Bus,
    private readonly cookie: SessionCookie,
    private readonly keys: SigningKeys,
    private readonly settings: ClientSettings,
    private readonly issuer: Issuer,
  ) {}

  /** By access token where one is given, else by cookie; `null` where neither names a live session. */
  async find(request: FastifyRequest): Promise<SessionView | null> {
    if (request.headers.authorization !== undefined) return this.#ofBearer(bearerOf(request) ?? '');
    const cookie = this.cookie.read(request);
    return cookie === undefined ? null : this.bus.ask(session.read, { cookie });
  }

  async #ofBearer(text: string): Promise<SessionView | null> {
    const token = readAccessToken(text);
    const key = token && (await this.keys.find(token.kid));
    if (!token || !key || !isGenuine(token, key, this.issuer.url, Date.now() / 1000)) return null;
    const { client_id: clientId, sid: sessionId, aud } = token.claims;
    const settings = await this.settings.find(clientId);
    if (!settings || aud !== (settings.audience ?? this.issuer.url)) return null;
    return this.bus.ask(session.read, { clientId, sessionId });
  }
}
