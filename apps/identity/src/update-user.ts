import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { user } from '#contracts/identity';
import type { Received, Reply } from '#contracts/service';
import { userView } from './domain/identity.js';
import { placeholderEmail } from './domain/placeholder.js';
import { given } from './given.js';
import { PasswordHashing } from './password-hashing.js';
import { UsersStore } from './store/users.store.js';

@Injectable()
export class UpdateUser {
  constructor(
    private readonly users: UsersStore,
    private readonly hashing: PasswordHashing,
  ) {}

  async run({ clientId, userId, ...patch }: Received<typeof user.update>): Promise<Reply<typeof user.update>> {
    const { externalId, email, username, locale, password } = patch;
    const said = given({ email: email ?? undefined, username: username ?? undefined, locale: locale ?? undefined });
    const changes = {
      externalId,
      email: email === null ? null : said.email,
      username: username === null ? null : said.username,
      locale: locale === null ? null : said.locale,
      passwordHash: password == null ? password : await this.hashing.hash(password),
    };
    return userView(await this.users.update({ clientId, userId }, changes, placeholderEmail(randomBytes)));
  }
}
