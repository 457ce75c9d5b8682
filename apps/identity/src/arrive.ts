import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import type { identity } from '#contracts/identity';
import type { Attempt } from '#contracts/ids';
import type { Received, Reply } from '#contracts/service';
import { Outbox } from '#outbox/outbox';
import { Postgres } from '#postgres/postgres';
import { uuidv7 } from '#secrets/random';
import { placeholderEmail } from './domain/email.js';
import { type User, userView } from './domain/identity.js';
import { given } from './given.js';
import { UsersStore } from './store/users.store.js';

/** Makes or updates the user a verified link names. */
@Injectable()
export class Arrive {
  constructor(
    private readonly users: UsersStore,
    private readonly postgres: Postgres,
    private readonly outbox: Outbox,
  ) {}

  async run({ clientId, claims, asOf, hash, attempt }: Received<typeof identity.arrive>): Promise<Answer> {
    const { user, created } = await this.users.arrive({
      clientId,
      externalId: claims.externalId,
      ...given(claims),
      asOf,
      hash,
      support: attempt.support,
      proposal: { userId: uuidv7(Date.now()), placeholder: placeholderEmail(randomBytes) },
      traceparent: currentCall()?.traceparent ?? null,
    });
    if (user.status === 'suspended') {
      await this.record(user, attempt);
      throw new Fault('account.suspended');
    }
    return { user: userView(user), epoch: user.epoch, created };
  }

  private async record({ clientId, userId }: User, { support, address }: Attempt): Promise<void> {
    const body = { support, reason: 'suspended', address, userId } as const;
    await this.outbox.write(this.postgres, [{ type: 'link.refused', clientId, subject: `link/${support}`, body }]);
    this.outbox.kick();
  }
}

type Answer = Reply<typeof identity.arrive>;
