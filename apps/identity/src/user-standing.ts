import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { user } from '#contracts/identity';
import type { Received, Reply } from '#contracts/service';
import { userView } from './domain/identity.js';
import { PasswordsStore } from './store/passwords.store.js';
import { UsersStore } from './store/users.store.js';

/** Shuts a user out, lets it in again, or forgets it. Doing so twice is the same as once, facts included. */
@Injectable()
export class UserStanding {
  constructor(
    private readonly users: UsersStore,
    private readonly passwords: PasswordsStore,
  ) {}

  async suspend(whom: Received<typeof user.suspend>): Promise<Reply<typeof user.suspend>> {
    return userView(await this.users.suspend(whom));
  }

  async restore(whom: Received<typeof user.restore>): Promise<Reply<typeof user.restore>> {
    return userView(await this.users.restore(whom));
  }

  async unlock({ clientId, userId }: Received<typeof user.unlock>): Promise<Reply<typeof user.unlock>> {
    const found = await this.users.find(clientId, userId);
    if (!found) throw new Fault('user.missing');
    await this.passwords.unlock(found);
    return userView(found);
  }

  async erase(whom: Received<typeof user.erase>): Promise<Reply<typeof user.erase>> {
    await this.users.erase(whom);
    return null;
  }
}
