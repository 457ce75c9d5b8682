import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import type { identity } from '#contracts/identity';
import type { Attempt } from '#contracts/ids';
import type { LinkRefusal } from '#contracts/refusal';
import type { Received, Reply } from '#contracts/service';
import { Refusals } from '#outbox/refusals';
import { sha256 } from '#secrets/digest';
import { uuidv7 } from '#secrets/random';
import { userView } from './domain/identity.js';
import { placeholderEmail } from './domain/placeholder.js';
import { given } from './given.js';
import { LinkRefused } from './store/sql.js';
import { UsersStore } from './store/users.store.js';

/** Makes or updates the user a verified link names. */
@Injectable()
export class Arrive {
  constructor(
    private readonly users: UsersStore,
    private readonly refusals: Refusals,
  ) {}

  async run({
    clientId,
    claims,
    asOf,
    hash,
    emailConflict,
    attempt,
  }: Received<typeof identity.arrive>): Promise<Answer> {
    const arrival = {
      clientId,
      externalId: claims.externalId,
      ...given(claims),
      asOf,
      hash,
      handle: claims.anonymousAccountId === undefined ? null : sha256(claims.anonymousAccountId),
      emailConflict,
      support: attempt.support,
      proposal: { userId: uuidv7(Date.now()), placeholder: placeholderEmail(randomBytes) },
      traceparent: currentCall()?.traceparent ?? null,
    };
    const { user, created, merge } = await this.users.arrive(arrival).catch(async (error: unknown) => {
      if (!(error instanceof LinkRefused)) throw error;
      await this.record(clientId, error.reason, attempt, error.userId);
      throw new Fault('link.refused', { cause: error });
    });
    if (user.status === 'suspended') {
      await this.record(clientId, 'suspended', attempt, user.userId);
      throw new Fault('account.suspended');
    }
    return { user: userView(user), epoch: user.epoch, created, merge };
  }

  private record(clientId: string, reason: LinkRefusal, attempt: Attempt, userId?: string): Promise<void> {
    const { support, address } = attempt;
    const body = { support, reason, address, ...(userId !== undefined && { userId }) };
    return this.refusals.record({ type: 'link.refused', clientId, subject: `link/${support}`, body }, attempt);
  }
}

type Answer = Reply<typeof identity.arrive>;
