import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { user } from '#contracts/identity';
import { normalEmail } from '#contracts/person';
import type { Received, Reply } from '#contracts/service';
import { base62ToUuid, uuidToBase62 } from '#secrets/base62';
import { userView } from './domain/identity.js';
import { UsersStore } from './store/users.store.js';

/** The users of a client, oldest first, so that new ones appear on the last page and none is skipped. */
@Injectable()
export class ListUsers {
  constructor(private readonly users: UsersStore) {}

  async run({ limit, cursor, email, ...filter }: Received<typeof user.list>): Promise<Reply<typeof user.list>> {
    const after = cursor === undefined ? null : readCursor(cursor);
    const emailKey = email === undefined ? undefined : normalEmail(email)?.key;
    // nobody bears what is no e-mail, and nobody is found by a placeholder
    if (email !== undefined && emailKey === undefined) return { items: [], nextCursor: null };

    const found = await this.users.page({ ...filter, emailKey }, after, limit + 1);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    return {
      items: items.map(userView),
      nextCursor: last && found.length > limit ? uuidToBase62(last.userId) : null,
    };
  }
}

function readCursor(cursor: string): string {
  const userId = base62ToUuid(cursor);
  if (userId === null) throw new Fault('cursor.invalid');
  return userId;
}
