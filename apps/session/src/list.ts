import { Injectable } from '@nestjs/common';
import type { Received, Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { sessionView } from './domain/session.js';
import { SessionsStore } from './store/sessions.store.js';

/** The live sessions of a user, newest first. */
@Injectable()
export class List {
  constructor(private readonly sessions: SessionsStore) {}

  async run({ clientId, userId }: Received<typeof session.list>): Promise<Reply<typeof session.list>> {
    return { items: (await this.sessions.list(clientId, userId)).map(sessionView) };
  }
}
