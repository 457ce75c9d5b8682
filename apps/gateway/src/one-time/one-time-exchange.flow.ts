import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import type { Attempt } from '#contracts/ids';
import { token } from '#contracts/token';
import { afterTheTake } from '../http/after-the-take.js';
import { BearerPair, type Pair } from '../http/bearer-pair.js';
import { childOf } from './child.js';
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
    const { externalId, client } = claimed;
    const child = childOf(claimed, attempt);
    const ttlSeconds = Math.min(validForInMinutes * 60, client.lifetimes.access);
    const grant = { epoch: child.epoch, ttlSeconds, ...(externalId !== null && { externalId }) };
    return this.pairs.openChild(child, grant).catch((error: unknown) => {
      throw afterTheTake(error);
    });
  }
}
