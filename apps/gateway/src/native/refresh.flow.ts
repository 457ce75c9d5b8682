import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { identity, type UserView } from '#contracts/identity';
import type { Attempt } from '#contracts/ids';
import { session } from '#contracts/session';
import { ClientSettings } from '../guards/client-settings.js';
import { BearerPair, type Pair } from '../http/bearer-pair.js';

/** A refresh token becomes its successor and a new access token. */
@Injectable()
export class RefreshFlow {
  constructor(
    private readonly bus: Bus,
    private readonly pairs: BearerPair,
    private readonly settings: ClientSettings,
  ) {}

  async run(refreshToken: string, attempt: Attempt): Promise<Pair & { user: UserView }> {
    const refreshed = await this.bus.ask(session.refresh, { refreshToken, protocols: ['claim'], attempt });
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
      const grant = { epoch, ttlSeconds: settings.lifetimes.apiLink.access, ...named };
      return { ...(await this.pairs.renew(refreshed.session, refreshed.refreshToken, grant)), user };
    } catch (error) {
      if (!(error instanceof Fault) || error.entry.kind !== 'unavailable') throw error;
      // The chain has moved on. Within ten seconds the same token gets the same successor.
      throw new Fault('service.silent', { cause: error });
    }
  }
}
