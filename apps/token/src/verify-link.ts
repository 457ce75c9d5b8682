import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { LinkRefusal } from '#contracts/refusal';
import type { Received, Reply } from '#contracts/service';
import type { token } from '#contracts/token';
import { Refusals } from '#outbox/refusals';
import { sha256 } from '#secrets/digest';
import { type KnownClient, KnownClients } from './clients/known-clients.js';
import { LastUse } from './clients/last-use.js';
import { LinkKey } from './clients/link-key.js';
import { type CompactJwt, parseCompactJwt } from './domain/compact-jwt.js';
import { newLinkSecret } from './domain/link-secret.js';
import { type LinkToken, readLinkToken } from './domain/link-token.js';
import { linkRefused } from './domain/refusal.js';
import { findSigner } from './domain/signer.js';

type Verdict = { readonly link: LinkToken; readonly jwt: CompactJwt; readonly secretId: string };

/** What no change of a client, its secrets or its settings could mend. */
const final: ReadonlySet<LinkRefusal> = new Set([
  ...(['malformed', 'algorithm', 'header'] as const),
  ...(['expired', 'not_yet_valid', 'no_expiry', 'claims'] as const),
]);

/** Checks an API Link token: form, signature, times, claims, in this order; the exact reason goes to the audit trail. */
@Injectable()
export class VerifyLink {
  /** An unknown client costs the same work as a known one with another secret. */
  private readonly stranger = [new LinkKey('stranger', newLinkSecret(randomBytes).secret, true, null)];

  constructor(
    private readonly clients: KnownClients,
    private readonly refusals: Refusals,
    private readonly lastUse: LastUse,
  ) {}

  async run(request: Received<typeof token.verifyLink>): Promise<Reply<typeof token.verifyLink>> {
    const { clientId, attempt } = request;
    const arrived = performance.now();
    const now = Date.now();
    const jwt = parseCompactJwt(request.userToken);

    let client = await this.clients.get(clientId);
    let verdict = this.judge(client, jwt, now);
    if (typeof verdict === 'string' && !final.has(verdict)) {
      // a new secret works at once everywhere: the store may know more than this process does
      client = await this.clients.newerThan(arrived, clientId);
      verdict = this.judge(client, jwt, now);
    }
    if (!client || typeof verdict === 'string') {
      const reason = client && typeof verdict === 'string' ? verdict : 'unknown_client';
      await this.refusals.record(linkRefused(client && clientId, reason, attempt), attempt);
      throw new Fault(reason === 'suspended' ? 'account.suspended' : 'link.refused');
    }

    this.lastUse.note('linkSecret', clientId, verdict.secretId, now);
    return answer(client, verdict);
  }

  private judge(client: KnownClient | null, jwt: CompactJwt | LinkRefusal, nowMs: number): Verdict | LinkRefusal {
    if (typeof jwt === 'string') return jwt;
    const signer = findSigner(client?.linkKeys ?? this.stranger, jwt, nowMs);
    if (typeof signer === 'string') return signer;
    if (!client) return 'unknown_client';
    const link = readLinkToken(jwt.claims, nowMs / 1000, client.settings.linkMaxAgeSeconds);
    if (typeof link === 'string') return link;
    // last of all: only a link that would sign in learns of a suspension
    return client.suspended ? 'suspended' : { link, jwt, secretId: signer.secretId };
  }
}

function answer(
  { clientId, epoch, settings }: KnownClient,
  { link, jwt, secretId }: Verdict,
): Reply<typeof token.verifyLink> {
  const hash = sha256(jwt.signingInput).toString('base64url');
  return {
    client: { clientId, epoch, settings },
    secretId,
    claims: link.claims,
    asOf: link.asOf,
    hash,
    origin: settings.linkReplay === 'until-expiry' ? null : `link:${link.jti ?? hash}`,
    expiresAt: link.expiresAt,
  };
}
