import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { session } from '#contracts/session';
import { clientNamedBy, isRefreshToken } from '../guards/credential.js';
import type { Holder } from '../guards/holder.js';
import { readJwt } from '../guards/jwt.js';
import { Jwts } from '../guards/jwts.js';

/**
 * Ends what a token of the client's own goes on from: its session, with the refresh chain, every access token and all that
 * hangs on it (RFC 7009, S-91). What is unknown, over, or another client's is left alone, and nobody is told.
 */
@Injectable()
export class RevokeFlow {
  constructor(
    private readonly bus: Bus,
    private readonly jwts: Jwts,
  ) {}

  /**
   * @param clientId who asks
   * @throws Fault `token.unsupported` for a valid credential of the client that has no session to end
   */
  async run(text: string, clientId: string): Promise<void> {
    if (clientNamedBy(text) === clientId) {
      if (!isRefreshToken(text)) throw new Fault('token.unsupported');
      await this.bus.ask(session.close, { clientId, refreshToken: text, reason: 'revoked' });
      return;
    }
    const holder = await this.#holderOf(text);
    if (holder?.clientId !== clientId) return;
    const { sessionId } = holder;
    if (sessionId === undefined) throw new Fault('token.unsupported');
    await this.bus.ask(session.close, { clientId, sessionId, reason: 'revoked' });
  }

  async #holderOf(text: string): Promise<Holder | null> {
    const kind = readJwt(text)?.kind;
    try {
      return kind === undefined ? null : await this.jwts.genuine(text, kind);
    } catch (error) {
      if (error instanceof Fault && error.code === 'token.expired') return null;
      throw error;
    }
  }
}
