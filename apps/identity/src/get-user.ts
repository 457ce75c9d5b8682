import { Injectable } from '@nestjs/common';
import type { identity } from '#contracts/identity';
import { isText } from '#contracts/ids';
import type { Received, Reply } from '#contracts/service';
import { userView } from './domain/identity.js';
import { UsersStore } from './store/users.store.js';

@Injectable()
export class GetUser {
  constructor(private readonly users: UsersStore) {}

  async run(asked: Received<typeof identity.get>): Promise<Reply<typeof identity.get>> {
    const user = await ('userId' in asked ? this.users.find(asked.clientId, asked.userId) : this.byExternalId(asked));
    return user && { user: userView(user), epoch: user.epoch };
  }

  /** What could not be stored names nobody; Postgres would refuse it, or take it for something else. */
  private async byExternalId({ clientId, externalId }: { clientId: string; externalId: string }) {
    return isText(externalId, 128) ? this.users.findByExternalId(clientId, externalId) : null;
  }
}
