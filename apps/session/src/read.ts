import { Injectable } from '@nestjs/common';
import type { Received, Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { Credentials } from './domain/credential.js';
import { sessionView } from './domain/session.js';
import type { Wanted } from './store/reading.js';
import { SessionsStore } from './store/sessions.store.js';

type Request = Received<typeof session.read>;

/** Finds the live session that a cookie, an id, or the newest refresh token of its chain names. */
@Injectable()
export class Read {
  constructor(
    private readonly credentials: Credentials,
    private readonly sessions: SessionsStore,
  ) {}

  async run(request: Request): Promise<Reply<typeof session.read>> {
    const wanted = this.#wantedBy(request);
    const found = wanted && (await this.sessions.find(wanted));
    return found && sessionView(found);
  }

  #wantedBy(request: Request): Wanted | null {
    if ('cookie' in request) return this.credentials.readCookie(request.cookie);
    return 'refreshToken' in request ? this.credentials.readRefreshToken(request.refreshToken) : request;
  }
}
