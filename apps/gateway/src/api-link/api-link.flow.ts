import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { identity } from '#contracts/identity';
import type { Attempt } from '#contracts/ids';
import { session } from '#contracts/session';
import { token } from '#contracts/token';
import { uuidv7 } from '#secrets/random';
import { landing } from '../http/landing.js';
import type { ApiLink } from './api-link.schema.js';

/** How long after the link's end its fence is kept, in seconds: the leeway, and a day (state.md, "A link"). */
const fenceSeconds = 30 + 86_400;

/** A link signs its user in: the partner's word is checked, the person is known, a session continues. */
@Injectable()
export class ApiLinkFlow {
  constructor(private readonly bus: Bus) {}

  /** @param presented the session cookie the browser came with */
  async run(given: ApiLink, attempt: Attempt, presented: string | undefined) {
    const { clientId, userToken, callbackPath } = given;
    const link = await this.bus.ask(token.verifyLink, { clientId, userToken, attempt });
    const { claims, asOf, hash, origin, expiresAt, secretId } = link;
    const { settings } = link.client;
    const { location, callback } = landing(callbackPath, settings);

    const { user, epoch } = await this.bus.ask(identity.arrive, { clientId, claims, asOf, hash, attempt });

    const opened = await this.bus.ask(session.open, {
      sessionId: uuidv7(Date.now()),
      clientId,
      subject: user.userId,
      epoch,
      protocol: 'api-link',
      origin,
      originUntil: origin === null ? null : expiresAt + fenceSeconds,
      presented,
      lifetimeSeconds: settings.lifetimes.apiLink.session,
      credential: 'cookie',
      link: { secretId, callback },
      attempt,
    });

    return { location, opened };
  }
}
