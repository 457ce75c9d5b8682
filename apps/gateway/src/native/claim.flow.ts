import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { identity, type UserView } from '#contracts/identity';
import type { Attempt } from '#contracts/ids';
import type { Reply, Request } from '#contracts/service';
import { token } from '#contracts/token';
import { afterTheTake, fenceOf } from '../http/after-the-take.js';
import { BearerPair, type Pair } from '../http/bearer-pair.js';

export type Claimant = Extract<Request<typeof token.claim>, { purpose: 'landing' }>['by'];

/** The code of a landing becomes a session of its own, which hangs on the one the landing has here. */
@Injectable()
export class ClaimFlow {
  constructor(
    private readonly bus: Bus,
    private readonly pairs: BearerPair,
  ) {}

  async run(code: string, by: Claimant, attempt: Attempt): Promise<Pair & { user: UserView }> {
    const claimed = await this.bus.ask(token.claim, { purpose: 'landing', secret: code, by, attempt });
    try {
      return await this.open(claimed, attempt);
    } catch (error) {
      throw afterTheTake(error);
    }
  }

  private async open(claimed: Reply<typeof token.claim>, attempt: Attempt) {
    const { client, userId, parentId } = claimed;
    const { clientId, lifetimes, epoch: clientEpoch } = client;
    if (parentId === null) throw new Error('a landing hangs on a session');
    const known = await this.bus.ask(identity.get, { clientId, userId });
    // An alias answers for another user: whoever landed is not that one.
    if (known?.user.userId !== userId) throw new Fault('code.refused');
    const { user, epoch } = known;
    if (user.status === 'suspended') throw new Fault('account.suspended');

    const opening = {
      ...{ clientId, clientEpoch, subject: userId, epoch, parentId, attempt },
      ...({ protocol: 'claim', ...fenceOf(claimed) } as const),
      lifetimeSeconds: lifetimes.session,
    };
    const named = user.externalId === null ? {} : { externalId: user.externalId };
    return { ...(await this.pairs.openChild(opening, { epoch, ttlSeconds: lifetimes.access, ...named })), user };
  }
}
