import { Injectable } from '@nestjs/common';
import type { Received, Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { Credentials } from './domain/credential.js';
import { sessionView } from './domain/session.js';
import { SessionsStore } from './store/sessions.store.js';

/** Finds the live session that a cookie or an id names. */
@Injectable()
export class Read {
  constructor(
    private readonly credentials: Credentials,
    private readonly sessions: SessionsStore,
  ) {}

  async run(request: Received<typeof session.read>): Promise<Reply<typeof session.read>> {
    const name = 'cookie' in request ? this.credentials.readCookie(request.cookie) : request;
    const found = name && (await this.sessions.find(name));
    return found && sessionView(found);
  }
}
