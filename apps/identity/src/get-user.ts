import { Injectable } from '@nestjs/common';
import type { identity } from '#contracts/identity';
import type { Received, Reply } from '#contracts/service';
import { userView } from './domain/identity.js';
import { UsersStore } from './store/users.store.js';

@Injectable()
export class GetUser {
  constructor(private readonly users: UsersStore) {}

  async run({ clientId, userId }: Received<typeof identity.get>): Promise<Reply<typeof identity.get>> {
    const user = await this.users.find(clientId, userId);
    return user && { user: userView(user), epoch: user.epoch };
  }
}
