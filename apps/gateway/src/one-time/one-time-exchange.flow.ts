import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import type { Attempt } from '#contracts/ids';
import type { Reply } from '#contracts/service';
import { token } from '#contracts/token';
import { afterTheTake, fenceOf } from '../http/after-the-take.js';
import { BearerPair, type Pair } from '../http/bearer-pair.js';
import type { Exchange } from './one-time.schema.js';

/** A one-time token becomes bearer tokens, of a session that hangs on the one it was made in. */
@Injectable()
export class OneTimeExchangeFlow {
  constructor(
    private readonly bus: Bus,
    private readonly pairs: BearerPair,
  ) {}

  async run({ token: secret, validForInMinutes }: Exchange, attempt: Attempt): Promise<Pair> {
    const claimed = await this.bus.ask(token.claim, { purpose: 'one-time', secret, attempt });
    return this.open(claimed, validForInMinutes * 60, attempt).catch((error: unknown) => {
      throw afterTheTake(error);
    });
  }

  private async open(claimed: Reply<typeof token.claim>, askedSeconds: number, attempt: Attempt): Promise<Pair> {
    const { client, userId, externalId, epoch, parentId } = claimed;
    if (epoch === null || parentId === null) throw new Error('a one-time token hangs on a session');
    const { clientId, settings, epoch: clientEpoch } = client;
    const { access, session } = settings.lifetimes.oneTime;
    const opening = {
      ...{ clientId, clientEpoch, subject: userId, epoch, parentId, lifetimeSeconds: session, attempt },
      ...({ protocol: 'one-time', ...fenceOf(claimed) } as const),
    };
    const named = externalId === null ? {} : { externalId };
    return this.pairs.openChild(opening, { epoch, ttlSeconds: Math.min(askedSeconds, access), ...named });
  }
}
