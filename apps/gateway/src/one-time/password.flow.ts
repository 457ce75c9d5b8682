import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { identity } from '#contracts/identity';
import type { Attempt } from '#contracts/ids';
import { ClientSettings } from '../guards/client-settings.js';
import { afterTheTake } from '../http/after-the-take.js';
import { BearerPair, type Pair } from '../http/bearer-pair.js';
import { appId } from './app-id.js';
import type { PasswordGrant } from './one-time.schema.js';

/** Where a password came in. */
export interface Asking {
  readonly clientId: string;
  /** The app that asked; without one the refresh token is bound to who the user is. */
  readonly app: string | undefined;
  readonly attempt: Attempt;
}

/** Somebody says who they are, by e-mail and password: a session begins. */
@Injectable()
export class PasswordFlow {
  constructor(
    private readonly bus: Bus,
    private readonly clients: ClientSettings,
    private readonly pairs: BearerPair,
  ) {}

  async run({ username, password, totp }: PasswordGrant, { clientId, app, attempt }: Asking): Promise<Pair> {
    const client = await this.clients.standing(clientId);
    if (!client) throw new Fault('client.missing');
    const asked = { clientId, username, password, ...(totp !== undefined && { totp }), attempt };
    const { user, epoch } = await this.bus.ask(identity.checkPassword, asked);
    // Said no sooner than that a password is wrong: nobody learns here whether a client is suspended.
    if (client.status === 'suspended') throw new Fault('password.refused');

    const { access, session } = client.settings.lifetimes.oneTime;
    const opening = {
      ...{ clientId, subject: user.userId, epoch, attempt, lifetimeSeconds: session },
      ...({ protocol: 'one-time', origin: null, originUntil: null } as const),
      app: { id: app ?? appId(username), named: app !== undefined },
    };
    const named = user.externalId === null ? {} : { externalId: user.externalId };
    return this.pairs.open(opening, { epoch, ttlSeconds: access, ...named }).catch((error: unknown) => {
      // A second factor is spent by then, so the same form would be refused.
      throw totp === undefined ? error : afterTheTake(error);
    });
  }
}
