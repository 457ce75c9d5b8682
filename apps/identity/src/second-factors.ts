import { Injectable } from '@nestjs/common';
import type { user } from '#contracts/identity';
import type { Received, Reply } from '#contracts/service';
import { UsersStore } from './store/users.store.js';
import { Totp } from './totp.js';

/** Gives users a second factor, and takes it away. Only the answer to the one ever carries the secret. */
@Injectable()
export class SecondFactors {
  constructor(
    private readonly users: UsersStore,
    private readonly totp: Totp,
  ) {}

  async start(whom: Received<typeof user.startTotp>): Promise<Reply<typeof user.startTotp>> {
    const secret = this.totp.newSecret();
    const bearer = await this.users.startTotp(whom, (found) => this.totp.seal(secret, found));
    return { secret, uri: this.totp.uri(secret, bearer) };
  }

  async stop(whom: Received<typeof user.stopTotp>): Promise<Reply<typeof user.stopTotp>> {
    await this.users.stopTotp(whom);
    return null;
  }
}
