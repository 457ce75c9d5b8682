import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import type { Reply } from '#contracts/service';
import { session } from '#contracts/session';
import { token } from '#contracts/token';
import { uuidv7 } from '#secrets/random';
import { afterTheTake, fenceOf } from '../http/after-the-take.js';
import type { Exchanged } from './custom-token.schema.js';

/** So many sessions of this protocol a user keeps; the oldest make room. */
const mostSessions = 10;

/** A secret and the id of its user become a session, once. */
@Injectable()
export class RedeemFlow {
  constructor(private readonly bus: Bus) {}

  /** @throws Fault `code.refused`, whatever the reason; `service.silent` where the secret is gone and a session in doubt */
  async run(clientId: string, { userId: externalId, secret }: Exchanged, attempt: Attempt) {
    const request = { purpose: 'custom-token', clientId, externalId, secret, attempt } as const;
    const claimed = await this.bus.ask(token.claim, request).catch(refuse);
    return this.open(claimed, attempt).catch((error: unknown) => refuse(afterTheTake(error)));
  }

  private async open({ client, userId, epoch, ...taken }: Reply<typeof token.claim>, attempt: Attempt) {
    if (epoch === null) throw new Error('a custom token knows the epoch of its user');
    return this.bus.ask(session.open, {
      sessionId: uuidv7(Date.now()),
      clientId: client.clientId,
      clientEpoch: client.epoch,
      subject: userId,
      epoch,
      protocol: 'custom-token',
      ...fenceOf(taken),
      lifetimeSeconds: client.lifetimes.session,
      mostPerSubject: mostSessions,
      credential: 'cookie',
      attempt,
    });
  }
}

/** Unknown, wrong, used, locked, suspended: one and the same (S-72). */
function refuse(error: unknown): never {
  throw error instanceof Fault && error.entry.kind === 'denied' ? new Fault('code.refused', { cause: error }) : error;
}
