import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import type { Received, Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { Outbox } from '#outbox/outbox';
import { Credentials } from './domain/credential.js';
import { SessionsStore } from './store/sessions.store.js';

type Request = Received<typeof session.close>;

/** Ends one session, or all of a subject's. */
@Injectable()
export class Close {
  constructor(
    private readonly credentials: Credentials,
    private readonly sessions: SessionsStore,
    private readonly outbox: Outbox,
  ) {}

  async run(request: Request): Promise<Reply<typeof session.close>> {
    const closed = await this.#closed(request);
    if (closed > 0) this.outbox.kick();
    return { closed };
  }

  async #closed({ clientId, reason, ...which }: Request): Promise<number> {
    const closing = { clientId, reason, traceparent: currentCall()?.traceparent ?? null };
    if ('refreshToken' in which) {
      const named = this.credentials.readRefreshToken(which.refreshToken);
      return named?.clientId === clientId ? this.sessions.closeOne(closing, named.sessionId, null) : 0;
    }
    if ('sessionId' in which) return this.sessions.closeOne(closing, which.sessionId, which.subject ?? null);
    return this.sessions.closeAll(closing, which.subject);
  }
}
