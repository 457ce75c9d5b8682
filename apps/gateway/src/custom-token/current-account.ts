import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { type SessionView, session } from '#contracts/session';
import { isKey } from '../guards/bearer.guard.js';
import { Jwts } from '../guards/jwts.js';
import { said } from './family-header.js';
import { projectOf } from './project.guard.js';
import { SessionCookies } from './session-cookies.js';
import { credentialIn } from './session-secret.js';

/** Whose account a request is about. */
export interface Account {
  readonly clientId: string;
  readonly userId: string;
  /** Absent where a JWT of no session signed in. */
  readonly sessionId: string | undefined;
  /** `null` where a JWT signed in. */
  readonly session: SessionView | null;
}

/** Who is signed in at a project. */
@Injectable()
export class CurrentAccount {
  constructor(
    private readonly bus: Bus,
    private readonly jwts: Jwts,
    private readonly cookies: SessionCookies,
  ) {}

  /** The live session a request speaks for, by header, cookie or fallback; only this protocol's, only of the project. */
  async session(request: FastifyRequest): Promise<SessionView | null> {
    const clientId = projectOf(request);
    const kept = [said(request, 'session'), ...this.cookies.read(request, clientId)];
    const cookie = kept.map(credentialIn).find((credential) => credential !== undefined);
    const found = cookie === undefined ? null : await this.bus.ask(session.read, { cookie });
    return found?.clientId === clientId && found.protocol === 'custom-token' ? found : null;
  }

  /** @throws Fault `credentials.*` where two speak, `jwt.refused`, `token.expired` */
  async find(request: FastifyRequest): Promise<Account | null> {
    const jwt = said(request, 'jwt');
    const found = await this.session(request);
    if (found && said(request, 'key') !== undefined) throw new Fault('credentials.key_and_session');
    if (found && jwt !== undefined) throw new Fault('credentials.jwt_and_session');
    if (jwt !== undefined) return this.#ofJwt(jwt, projectOf(request));
    return found && { clientId: found.clientId, userId: found.subject, sessionId: found.sessionId, session: found };
  }

  async #ofJwt(jwt: string, clientId: string): Promise<Account> {
    const holder = await this.jwts.check(jwt, 'account');
    if (holder?.clientId !== clientId || isKey(holder.subject)) throw new Fault('jwt.refused');
    return { clientId, userId: holder.subject, sessionId: holder.sessionId, session: null };
  }
}
