import { Injectable } from '@nestjs/common';
import type { user } from '#contracts/identity';
import type { Received, Reply } from '#contracts/service';
import { userView } from './domain/identity.js';
import { UsersStore } from './store/users.store.js';

/** Shuts a user out, lets it in again, or forgets it. Doing so twice is the same as once, facts included. */
@Injectable()
export class UserStanding {
  constructor(private readonly users: UsersStore) {}

  async suspend(whom: Received<typeof user.suspend>): Promise<Reply<typeof user.suspend>> {
    return userView(await this.users.suspend(whom));
  }

  async restore(whom: Received<typeof user.restore>): Promise<Reply<typeof user.restore>> {
    return userView(await this.users.restore(whom));
  }

  async erase(whom: Received<typeof user.erase>): Promise<Reply<typeof user.erase>> {
    await this.users.erase(whom);
    return null;
  }
}
