import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { identity } from '#contracts/identity';
import type { Attempt } from '#contracts/ids';
import { session } from '#contracts/session';
import { uuidv7 } from '#secrets/random';
import { ClientSettings } from '../guards/client-settings.js';

/** How somebody came who is nobody yet. */
export interface Newcomer {
  readonly clientId: string;
  /** The web origin of the page that asks; `null` where it is ours, or none. */
  readonly origin: string | null;
  readonly presented: string | undefined;
  readonly attempt: Attempt;
}

/** Somebody may use a place before they are known there; a link that names their account makes it theirs. */
@Injectable()
export class AnonymousFlow {
  constructor(
    private readonly bus: Bus,
    private readonly clients: ClientSettings,
  ) {}

  async run({ clientId, origin, presented, attempt }: Newcomer) {
    const client = await this.clients.standing(clientId);
    if (!client) throw new Fault('client.missing');
    if (client.status === 'suspended') throw new Fault('account.suspended');
    const { features, origins, lifetimes, embedOrigins } = client.settings;
    if (!features.anonymous) throw new Fault('feature.off');
    if (origin !== null && origins.length > 0 && !origins.includes(origin)) throw new Fault('origin.refused');

    const { user, epoch, handle } = await this.bus.ask(identity.startAnonymous, { clientId, attempt });
    const { session: opened, credential } = await this.bus.ask(session.open, {
      sessionId: uuidv7(Date.now()),
      clientId,
      subject: user.userId,
      epoch,
      protocol: 'anonymous',
      origin: null,
      originUntil: null,
      presented,
      lifetimeSeconds: lifetimes.anonymous.session,
      credential: 'cookie',
      attempt,
    });
    return { anonymousAccountId: handle, user, session: opened, cookie: credential, embedded: embedOrigins.length > 0 };
  }
}
