import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Bus } from '#bus/bus';
import { type SessionView, session } from '#contracts/session';
import { SessionCookie } from '../http/session-cookie.js';
import { isKey } from './bearer.guard.js';
import { bearerOf } from './bearer.js';
import type { Holder } from './holder.js';
import { Jwts } from './jwts.js';

/** Who is calling: what an access token says of itself, and a session too. */
export type SignedIn = Pick<SessionView, 'clientId' | 'subject' | 'sessionId'> & { readonly scopes: readonly string[] };

/** Whose sessions are carried by our cookie. The secret of a session of protocol 003 has the same form, and another door. */
const carried: readonly SessionView['protocol'][] = ['api-link', 'anonymous', 'one-time'];

const bearer = 'Bearer ';

function signedIn(holder: Holder | null | undefined): SignedIn | null {
  if (holder?.sessionId === undefined) return null;
  const { clientId, subject, sessionId, scopes } = holder;
  return { clientId, subject, sessionId, scopes };
}

/** Which live session a request speaks for. */
@Injectable()
export class CurrentSession {
  constructor(
    private readonly bus: Bus,
    private readonly cookie: SessionCookie,
    private readonly jwts: Jwts,
  ) {}

  /** A user's, by access token where one is given, else by cookie; `null` where neither names one. Asks its owner. */
  async find(request: FastifyRequest): Promise<SessionView | null> {
    if (request.headers.authorization === undefined) return this.#ofCookie(request);
    const holder = await this.jwts.genuine(bearerOf(request) ?? '', 'access');
    if (holder?.sessionId === undefined || isKey(holder.subject)) return null;
    const { clientId, sessionId } = holder;
    return this.bus.ask(session.read, { clientId, sessionId });
  }

  /** The same, but an access token is mostly checked without asking anybody, and may be an API key's (protocol 002). */
  async caller(request: FastifyRequest): Promise<SignedIn | null> {
    if (request.headers.authorization === undefined) return this.#ofCookie(request);
    return signedIn(await this.jwts.check(bearerOf(request) ?? '', 'access'));
  }

  /** The same where nothing has to be awaited; `null` says nothing of who is calling: ask for the `caller`. */
  callerAt({ headers: { authorization } }: Pick<FastifyRequest, 'headers'>): SignedIn | null {
    // A text under which a token was found needs no syntax.
    if (!authorization?.startsWith(bearer)) return null;
    return signedIn(this.jwts.at(authorization.slice(bearer.length), 'access'));
  }

  async #ofCookie(request: FastifyRequest): Promise<SessionView | null> {
    const cookie = this.cookie.read(request);
    const found = cookie === undefined ? null : await this.bus.ask(session.read, { cookie });
    return found && carried.includes(found.protocol) ? found : null;
  }
}
