import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import { session } from '#contracts/session';
import { ClientSettings } from '../guards/client-settings.js';
import { capScopes } from '../guards/scopes.js';
import { afterRotation, BearerPair, secondsLeft } from '../http/bearer-pair.js';
import type { Tokens } from './client-auth.schema.js';
import { told } from './tokens.js';

/** A program's refresh token becomes its successor and a new access token. */
@Injectable()
export class ReauthenticateFlow {
  constructor(
    private readonly bus: Bus,
    private readonly pairs: BearerPair,
    private readonly clients: ClientSettings,
  ) {}

  async run(refreshToken: string, attempt: Attempt): Promise<Tokens> {
    const asked = { refreshToken, protocols: ['client-auth' as const], attempt };
    const { session: current, refreshToken: successor } = await this.bus.ask(session.refresh, asked);
    try {
      const { clientId } = current;
      const client = this.clients.at(clientId) ?? (await this.clients.standing(clientId));
      if (!client) throw new Fault('refresh.refused');
      // Its sessions end a moment after it was suspended; from then on they are refused as what they are.
      if (client.status === 'suspended') throw new Fault('account.suspended');
      const { settings } = client;
      // Never more than the session began with, and less where its client allows less by now (S-90).
      const scopes = capScopes(current.scopes, settings.scopes);
      const grant = { ttlSeconds: settings.lifetimes.clientAuth.access };
      const pair = await this.pairs.renew({ ...current, scopes }, successor, grant);
      return told(pair, scopes, secondsLeft(current));
    } catch (error) {
      throw afterRotation(error);
    }
  }
}
