import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import type { SessionView } from '#contracts/session';
import { token } from '#contracts/token';
import { withParameters } from '../http/landing.js';
import { Issuer } from './issuer.js';

/** Long enough for a page to load and to claim it. */
const lifeSeconds = 60;

/** A cookie of ours means nothing to another origin, so a landing there gets a one-time code for a session of its own. */
@Injectable()
export class LandingCode {
  constructor(
    private readonly bus: Bus,
    private readonly issuer: Issuer,
  ) {}

  /** The landing as it goes into `Location`. */
  async locate(location: string, { clientId, subject, sessionId }: SessionView): Promise<string> {
    const landing = new URL(location, this.issuer.url).origin;
    if (landing === this.issuer.url) return location;
    const { secret } = await this.bus.ask(token.offer, {
      purpose: 'landing',
      clientId,
      userId: subject,
      parentId: sessionId,
      landing,
      ttlSeconds: lifeSeconds,
    });
    return withParameters(location, { code: secret });
  }
}
