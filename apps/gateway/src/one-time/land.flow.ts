import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import type { Reply } from '#contracts/service';
import { type SessionView, session } from '#contracts/session';
import type { Settings } from '#contracts/settings';
import { token } from '#contracts/token';
import { uuidv7 } from '#secrets/random';
import { ClientSettings } from '../guards/client-settings.js';
import { clientNamedBy } from '../guards/credential.js';
import type { Visit } from '../guards/reception.js';
import { afterTheTake, fenceOf } from '../http/after-the-take.js';
import { type Landing, landing } from '../http/landing.js';
import type { Outcome, Said } from '../http/question-pages.js';

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

  async run({ secret, redirectUrl, said }: Arrival, visit: Visit): Promise<Outcome & Pick<Landing, 'callback'>> {
    const { attempt, presented } = visit;
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
      const opened = await this.open(claimed, settings, visit);
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

  private async open(claimed: Reply<typeof token.claim>, { lifetimes }: Settings, { attempt, presented }: Visit) {
    const { client, userId, epoch, parentId } = claimed;
    if (epoch === null || parentId === null) throw new Error('a one-time token hangs on a session');
    const opening = {
      ...{ clientId: client.clientId, clientEpoch: client.epoch, subject: userId, epoch, parentId, presented, attempt },
      ...({ protocol: 'one-time', ...fenceOf(claimed), lifetimeSeconds: lifetimes.oneTime.session } as const),
      ...({ sessionId: uuidv7(Date.now()), credential: 'cookie' } as const),
    };
    return this.bus.ask(session.open, opening).catch((error: unknown) => {
      throw afterTheTake(error);
    });
  }
}
