import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import { type SessionView, session } from '#contracts/session';
import { token } from '#contracts/token';
import { uuidv7 } from '#secrets/random';
import { ClientSettings } from '../guards/client-settings.js';
import { clientNamedBy } from '../guards/credential.js';
import type { Visit } from '../guards/reception.js';
import { afterTheTake } from '../http/after-the-take.js';
import { type Landing, landing } from '../http/landing.js';
import type { Outcome, Said } from '../http/question-pages.js';
import { childOf } from './child.js';

/** A landing as its address has it. */
export interface Arrival {
  readonly secret: string;
  readonly redirectUrl: string | undefined;
  readonly said: Said;
}

/** Nobody would miss an anonymous session; the secret of protocol 003 only looks like our cookie. */
const unmissed: readonly SessionView['protocol'][] = ['anonymous', 'custom-token'];

/** A one-time token in an address becomes a session of this browser, which hangs on the one it was made in. */
@Injectable()
export class LandFlow {
  constructor(
    private readonly bus: Bus,
    private readonly clients: ClientSettings,
  ) {}

  async run(
    { secret, redirectUrl, said }: Arrival,
    { attempt, presented }: Visit,
  ): Promise<Outcome & Pick<Landing, 'callback'>> {
    const clientId = clientNamedBy(secret);
    const settings = clientId === undefined ? null : await this.clients.find(clientId);
    if (clientId === undefined || !settings) return this.refuse(secret, attempt);
    // Where it ends is judged before anything is taken (S-42).
    const there = { settings, ...landing(redirectUrl, settings) };
    if (settings.landingMode === 'confirm' && said === 'nothing') return { kind: 'confirm', ...there };

    const asks = settings.switchUser === 'confirm' && said !== 'switch' && presented !== undefined;
    const current = asks ? await this.somebody(presented, clientId) : null;
    const claim = { purpose: 'one-time', secret, ...(current && { unlessOther: current.subject }), attempt } as const;
    try {
      const claimed = await this.bus.ask(token.claim, claim);
      const child = { ...childOf(claimed, attempt), sessionId: uuidv7(Date.now()), presented };
      const opened = await this.bus.ask(session.open, { ...child, credential: 'cookie' }).catch((error: unknown) => {
        throw afterTheTake(error);
      });
      return { kind: 'landed', ...there, session: opened.session, cookie: opened.credential };
    } catch (error) {
      if (!current || !(error instanceof Fault) || error.code !== 'claim.questioned') throw error;
      return { kind: 'switch', ...there, user: null, current };
    }
  }

  /** What names no client of ours is refused where refusals are recorded. */
  private async refuse(secret: string, attempt: Attempt): Promise<never> {
    await this.bus.ask(token.claim, { purpose: 'one-time', secret, attempt });
    throw new Fault('code.refused');
  }

  /** Who is signed in here at the client, and would be missed. */
  private async somebody(cookie: string, clientId: string): Promise<SessionView | null> {
    const current = await this.bus.ask(session.read, { cookie });
    return current?.clientId === clientId && !unmissed.includes(current.protocol) ? current : null;
  }
}
