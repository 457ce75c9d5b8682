import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { Outbox } from '#outbox/outbox';
import { Credentials } from './domain/credential.js';
import { sessionView } from './domain/session.js';
import { SessionsStore } from './store/sessions.store.js';

type Request = Received<typeof session.open>;

/** Opens a session, once per origin. */
@Injectable()
export class Open {
  constructor(
    private readonly credentials: Credentials,
    private readonly sessions: SessionsStore,
    private readonly outbox: Outbox,
  ) {}

  async run({ attempt, credential, presented, ...asked }: Request): Promise<Reply<typeof session.open>> {
    const met = await this.sessions.open({
      ...asked,
      ...attempt,
      link: asked.link ?? null,
      macKey: this.credentials.currentKey,
      presented: credential === 'cookie' ? this.#sessionOf(presented, asked.clientId) : null,
      traceparent: currentCall()?.traceparent ?? null,
    });
    this.outbox.kick();
    if (met.outcome === 'spent' || met.outcome === 'stale')
      throw new Fault(met.outcome === 'spent' ? 'origin.spent' : 'epoch.stale');

    return {
      outcome: met.outcome,
      session: sessionView(met.session),
      credential:
        credential === 'cookie'
          ? this.credentials.cookie(met.session)
          : this.credentials.refreshToken({ ...met.session, generation: 0 }, met.macKey),
    };
  }

  /** Which session of this client the browser's cookie proves; one of another client proves nothing here. */
  #sessionOf(cookie: string | undefined, clientId: string): string | null {
    const named = cookie === undefined ? null : this.credentials.readCookie(cookie);
    return named?.clientId === clientId ? named.sessionId : null;
  }
}
