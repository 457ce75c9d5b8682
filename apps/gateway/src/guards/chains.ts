import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { identity, type UserView } from '#contracts/identity';
import type { Request } from '#contracts/service';
import { session } from '#contracts/session';
import type { Settings } from '#contracts/settings';
import { afterRotation, BearerPair, type Pair } from '../http/bearer-pair.js';
import { ClientSettings } from './client-settings.js';

/** The chains of users: a refresh token becomes its successor and a new access token. */
@Injectable()
export class Chains {
  constructor(
    private readonly bus: Bus,
    private readonly pairs: BearerPair,
    private readonly settings: ClientSettings,
  ) {}

  /**
   * @param accessSeconds how long an access token of such a chain lives
   * @throws Fault `refresh.refused`; `service.silent` where the chain has moved on, but no access token could be made
   */
  async renew(
    asked: Request<typeof session.refresh>,
    accessSeconds: (settings: Settings) => number,
  ): Promise<Pair & { user: UserView }> {
    const refreshed = await this.bus.ask(session.refresh, asked);
    try {
      const { clientId, subject: userId } = refreshed.session;
      const [known, settings] = await Promise.all([
        this.bus.ask(identity.get, { clientId, userId }),
        this.settings.find(clientId),
      ]);
      if (known?.user.userId !== userId || known.user.status === 'suspended' || !settings)
        throw new Fault('refresh.refused');
      const { user, epoch } = known;
      const named = user.externalId === null ? {} : { externalId: user.externalId };
      const grant = { epoch, ttlSeconds: accessSeconds(settings), ...named };
      return { ...(await this.pairs.renew(refreshed.session, refreshed.refreshToken, grant)), user };
    } catch (error) {
      throw afterRotation(error);
    }
  }
}
