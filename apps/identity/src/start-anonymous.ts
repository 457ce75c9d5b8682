import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import type { identity } from '#contracts/identity';
import type { Received, Reply } from '#contracts/service';
import { sha256 } from '#secrets/digest';
import { randomBase62, uuidv7 } from '#secrets/random';
import { userView } from './domain/identity.js';
import { placeholderEmail } from './domain/placeholder.js';
import { UsersStore } from './store/users.store.js';

/** Makes an anonymous account. Only the answer ever carries its handle: who has it may merge the account (S-36). */
@Injectable()
export class StartAnonymous {
  constructor(private readonly users: UsersStore) {}

  async run({ clientId }: Received<typeof identity.startAnonymous>): Promise<Reply<typeof identity.startAnonymous>> {
    const handle = randomBase62(32);
    const user = await this.users.startAnonymous({
      clientId,
      handle: sha256(handle),
      proposal: { userId: uuidv7(Date.now()), placeholder: placeholderEmail(randomBytes) },
      traceparent: currentCall()?.traceparent ?? null,
    });
    return { user: userView(user), epoch: user.epoch, handle };
  }
}
