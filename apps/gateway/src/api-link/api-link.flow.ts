import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { identity } from '#contracts/identity';
import { session } from '#contracts/session';
import { token } from '#contracts/token';
import { uuidv7 } from '#secrets/random';
import type { Visit } from '../guards/reception.js';
import { landing } from '../http/landing.js';
import type { Outcome, Said } from '../http/question-pages.js';

/** How long after the link's end its fence is kept, in seconds: the leeway, and a day (state.md, "A link"). */
const fenceSeconds = 30 + 86_400;

/** A link as it came: whole, or as the handle of one that was parked. */
export type GivenLink = { readonly clientId: string } & (
  | { readonly userToken: string; readonly callbackPath?: string | undefined }
  | { readonly handle: string }
);

/** A link signs its user in: the partner's word is checked, the person is known, a session continues. */
@Injectable()
export class ApiLinkFlow {
  constructor(private readonly bus: Bus) {}

  async run(given: GivenLink, said: Said, { attempt, presented }: Visit): Promise<Outcome> {
    const link = await this.bus.ask(
      token.verifyLink,
      'handle' in given
        ? { handle: given.handle, attempt }
        : { clientId: given.clientId, userToken: given.userToken, attempt },
    );
    const { claims, asOf, hash, origin, expiresAt, secretId } = link;
    const { clientId, settings, lifetimes, epoch: clientEpoch } = link.client;
    if (clientId !== given.clientId) throw new Fault('link.refused');
    const { location, callback } = landing('handle' in given ? link.callbackPath : given.callbackPath, settings);
    if (settings.landingMode === 'confirm' && said === 'nothing') return { kind: 'confirm', settings, location };

    const { emailConflict } = settings;
    const { user, epoch } = await this.bus.ask(identity.arrive, {
      clientId,
      claims,
      asOf,
      hash,
      emailConflict,
      attempt,
    });

    const opened = await this.bus.ask(session.open, {
      sessionId: uuidv7(Date.now()),
      clientId,
      clientEpoch,
      subject: user.userId,
      epoch,
      protocol: 'api-link',
      origin,
      originUntil: origin === null ? null : expiresAt + fenceSeconds,
      presented,
      switchUser: said === 'switch' ? 'replace' : settings.switchUser,
      lifetimeSeconds: lifetimes.session,
      credential: 'cookie',
      link: { secretId, callback },
      attempt,
    });
    if (opened.outcome === 'switch') return { kind: 'switch', settings, location, user, current: opened.session };
    const cookie = opened.outcome === 'opened' ? opened.credential : null;
    return { kind: 'landed', settings, location, session: opened.session, cookie };
  }
}
