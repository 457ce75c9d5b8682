import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { Outbox } from '#outbox/outbox';
import { Credentials } from './domain/credential.js';
import { sessionView } from './domain/session.js';
import { SessionsStore } from './store/sessions.store.js';

/** Takes a chain one link further, or ends it when a superseded link shows up. */
@Injectable()
export class Refresh {
  constructor(
    private readonly credentials: Credentials,
    private readonly sessions: SessionsStore,
    private readonly outbox: Outbox,
  ) {}

  async run({ refreshToken, attempt }: Received<typeof session.refresh>): Promise<Reply<typeof session.refresh>> {
    const presented = this.credentials.readRefreshToken(refreshToken);
    if (!presented) throw new Fault('refresh.refused', { cause: new Error('not a token of ours') });

    const judged = await this.sessions.refresh({
      ...presented,
      macKey: this.credentials.currentKey,
      address: attempt.address,
      traceparent: currentCall()?.traceparent ?? null,
    });
    this.outbox.kick();
    if (judged?.verdict !== 'rotated' && judged?.verdict !== 'repeated')
      throw new Fault('refresh.refused', { cause: new Error(judged?.verdict ?? 'no such session') });

    return {
      session: sessionView(judged.session),
      refreshToken: this.credentials.refreshToken({ ...presented, generation: judged.generation }, judged.macKey),
      outcome: judged.verdict,
    };
  }
}
