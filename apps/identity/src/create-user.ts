import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { user } from '#contracts/identity';
import type { Received, Reply } from '#contracts/service';
import { uuidv7 } from '#secrets/random';
import { userView } from './domain/identity.js';
import { placeholderEmail } from './domain/placeholder.js';
import { given } from './given.js';
import { PasswordHashing } from './password-hashing.js';
import { UsersStore } from './store/users.store.js';

@Injectable()
export class CreateUser {
  constructor(
    private readonly users: UsersStore,
    private readonly hashing: PasswordHashing,
  ) {}

  async run({
    clientId,
    externalId,
    password,
    ...texts
  }: Received<typeof user.create>): Promise<Reply<typeof user.create>> {
    const created = await this.users.create({
      clientId,
      externalId: externalId ?? null,
      ...given(texts),
      passwordHash: password === undefined ? undefined : await this.hashing.hash(password),
      proposal: { userId: uuidv7(Date.now()), placeholder: placeholderEmail(randomBytes) },
    });
    return userView(created);
  }
}
