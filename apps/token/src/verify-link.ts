import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import type { token } from '#contracts/token';
import { Refusals } from '#outbox/refusals';
import { sha256Text } from '#secrets/digest';
import { LastUse } from './clients/last-use.js';
import { type CheckedLink, LinkCheck } from './clients/link-check.js';
import type { ParkedLink } from './domain/parked-link.js';
import { linkRefused } from './domain/refusal.js';
import { ParkedLinkStore } from './store/parked-link.store.js';

type Request = Received<typeof token.verifyLink>;
type Answer = Reply<typeof token.verifyLink>;

/** Checks an API Link token, given or parked; the exact reason of a refusal goes to the audit trail. */
@Injectable()
export class VerifyLink {
  constructor(
    private readonly links: LinkCheck,
    private readonly parked: ParkedLinkStore,
    private readonly refusals: Refusals,
    private readonly lastUse: LastUse,
  ) {}

  async run(request: Request): Promise<Answer> {
    const link = await this.find(request);
    const checked = 'reason' in link ? link : await this.links.check(link);
    if ('reason' in checked) {
      const { known, reason } = checked;
      await this.refusals.record(linkRefused(known, reason, request.attempt), request.attempt);
      throw new Fault(reason === 'suspended' ? 'account.suspended' : 'link.refused');
    }

    this.lastUse.note('linkSecret', checked.client.clientId, checked.secretId, Date.now());
    return { ...answer(checked), ...('callbackPath' in link && { callbackPath: link.callbackPath }) };
  }

  /** A parked link is read and stays: its fence is the session's origin, as for one that was not parked. */
  private async find(request: Request): Promise<ParkedLink> {
    if (!('handle' in request)) return request;
    return (await this.parked.find(request.handle)) ?? { known: null, reason: 'parked_expired' };
  }
}

function answer({ client, link, jwt, secretId }: Exclude<CheckedLink, { reason: unknown }>): Answer {
  const { clientId, epoch, settings, linkSettings } = client;
  const hash = sha256Text(jwt.signingInput);
  return {
    client: { clientId, epoch, lifetimes: settings.lifetimes.apiLink, settings: linkSettings },
    secretId,
    claims: link.claims,
    asOf: link.asOf,
    hash,
    origin: settings.linkReplay === 'until-expiry' ? null : `link:${link.jti ?? hash}`,
    expiresAt: link.expiresAt,
  };
}
