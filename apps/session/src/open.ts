import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import { Fault, type FaultCode } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { Outbox } from '#outbox/outbox';
import { Refusals } from '#outbox/refusals';
import { sha256 } from '#secrets/digest';
import { Credentials } from './domain/credential.js';
import { openRefused } from './domain/refusal.js';
import { sessionView } from './domain/session.js';
import type { NotOpened } from './store/meeting.js';
import { SessionsStore } from './store/sessions.store.js';

type Request = Received<typeof session.open>;

const faultOf: Record<NotOpened['outcome'], FaultCode> = {
  spent: 'origin.spent',
  stale: 'epoch.stale',
  orphaned: 'parent.ended',
};

/** Opens a session, once per origin. */
@Injectable()
export class Open {
  constructor(
    private readonly credentials: Credentials,
    private readonly sessions: SessionsStore,
    private readonly refusals: Refusals,
    private readonly outbox: Outbox,
  ) {}

  async run(request: Request): Promise<Reply<typeof session.open>> {
    const { clientId, credential, app, attempt } = request;
    const met = await this.sessions.open({
      clientId,
      sessionId: request.sessionId,
      subject: request.subject,
      epoch: request.epoch,
      clientEpoch: request.clientEpoch ?? null,
      protocol: request.protocol,
      scopes: request.scopes,
      origin: request.origin,
      originUntil: request.originUntil,
      lifetimeSeconds: request.lifetimeSeconds,
      parentId: request.parentId ?? null,
      app: app ? { hash: sha256(app.id), named: app.named } : null,
      mostPerSubject: request.mostPerSubject ?? null,
      macKey: this.credentials.currentKey,
      presented: credential === 'cookie' ? this.#sessionOf(request.presented, clientId) : null,
      switchUser: request.switchUser,
      link: request.link ?? null,
      support: attempt.support,
      address: attempt.address,
      traceparent: currentCall()?.traceparent ?? null,
    });
    this.outbox.kick();
    if (met.outcome === 'switch') return { outcome: 'switch', session: sessionView(met.session), credential: '' };
    if (!('session' in met)) return this.#refuse(request, met);

    return {
      outcome: met.outcome,
      session: sessionView(met.session),
      credential:
        credential === 'cookie'
          ? this.credentials.cookie(met.session)
          : this.credentials.refreshToken({ clientId, sessionId: met.session.sessionId, generation: 0 }, met.macKey),
    };
  }

  async #refuse(request: Request, { outcome }: NotOpened): Promise<never> {
    const refusal = openRefused(request, outcome);
    if (refusal) await this.refusals.record(refusal, request.attempt);
    throw new Fault(faultOf[outcome]);
  }

  /** Which session of this client the browser's cookie proves; one of another client proves nothing here. */
  #sessionOf(cookie: string | undefined, clientId: string): string | null {
    const named = cookie === undefined ? null : this.credentials.readCookie(cookie);
    return named?.clientId === clientId ? named.sessionId : null;
  }
}
