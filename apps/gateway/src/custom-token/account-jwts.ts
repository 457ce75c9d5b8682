import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import type { identity } from '#contracts/identity';
import type { Reply } from '#contracts/service';
import type { SessionView } from '#contracts/session';
import { token } from '#contracts/token';
import { idOf } from './models.js';

type Known = NonNullable<Reply<typeof identity.get>>;

/** JWTs that speak for a user for a while. */
@Injectable()
export class AccountJwts {
  constructor(private readonly bus: Bus) {}

  /**
   * @param of the session it dies with, if any
   * @param seconds a JWT that is asked for no time at all lives for one second
   */
  async create(clientId: string, { user, epoch }: Known, of: SessionView | undefined, seconds: number) {
    const left = of ? (Date.parse(of.expiresAt) - Date.now()) / 1000 : Number.POSITIVE_INFINITY;
    const { token: jwt } = await this.bus.ask(token.sign, {
      kind: 'account',
      clientId,
      subject: user.userId,
      externalId: idOf(user),
      ...(of && { sessionId: of.sessionId, authTime: Math.floor(Date.parse(of.authenticatedAt) / 1000) }),
      epoch,
      scopes: [],
      jti: randomUUID(),
      ttlSeconds: Math.max(1, Math.floor(Math.min(seconds, left))),
    });
    return { jwt };
  }
}
