import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import type { Received, Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { Outbox } from '#outbox/outbox';
import { SessionsStore } from './store/sessions.store.js';

/** Ends one session, or all of a subject's. */
@Injectable()
export class Close {
  constructor(
    private readonly sessions: SessionsStore,
    private readonly outbox: Outbox,
  ) {}

  async run({ clientId, reason, ...which }: Received<typeof session.close>): Promise<Reply<typeof session.close>> {
    const closing = { clientId, reason, traceparent: currentCall()?.traceparent ?? null };
    const closed =
      'sessionId' in which
        ? await this.sessions.closeOne(closing, which.sessionId, which.subject ?? null)
        : await this.sessions.closeAll(closing, which.subject);
    if (closed > 0) this.outbox.kick();
    return { closed };
  }
}
