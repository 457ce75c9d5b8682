import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import type { RefreshRefusal } from '#contracts/refusal';
import type { Received, Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { Outbox } from '#outbox/outbox';
import { Refusals } from '#outbox/refusals';
import { sha256 } from '#secrets/digest';
import { Credentials, type RefreshLink } from './domain/credential.js';
import { refreshRefused } from './domain/refusal.js';
import { sessionView } from './domain/session.js';
import { SessionsStore } from './store/sessions.store.js';

type Request = Received<typeof session.refresh>;

/** Takes a chain one link further, or ends it when a superseded link shows up. */
@Injectable()
export class Refresh {
  constructor(
    private readonly credentials: Credentials,
    private readonly sessions: SessionsStore,
    private readonly refusals: Refusals,
    private readonly outbox: Outbox,
  ) {}

  async run({ refreshToken, protocols, app, attempt }: Request): Promise<Reply<typeof session.refresh>> {
    const presented = this.credentials.readRefreshToken(refreshToken);
    if (!presented) return this.#refuse(null, 'malformed', attempt);

    const judged = await this.sessions.refresh({
      ...presented,
      protocols,
      app: app === undefined ? null : sha256(app),
      macKey: this.credentials.currentKey,
      address: attempt.address,
      traceparent: currentCall()?.traceparent ?? null,
    });
    this.outbox.kick();
    // That the chain ended so is stated with its end.
    if (judged?.verdict === 'reused') throw new Fault('refresh.refused', { cause: new Error('reused') });
    if (judged?.verdict !== 'rotated' && judged?.verdict !== 'repeated')
      return this.#refuse(presented, judged?.verdict ?? 'unknown', attempt);

    const { clientId, sessionId } = presented;
    return {
      session: sessionView(judged.session),
      refreshToken: this.credentials.refreshToken(
        { clientId, sessionId, generation: judged.generation },
        judged.macKey,
      ),
      outcome: judged.verdict,
    };
  }

  async #refuse(presented: RefreshLink | null, reason: RefreshRefusal, attempt: Attempt): Promise<never> {
    await this.refusals.record(refreshRefused(presented, reason, attempt), attempt);
    throw new Fault('refresh.refused', { cause: new Error(reason) });
  }
}
