import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { LinkRefusal } from '#contracts/refusal';
import { type CompactJwt, parseCompactJwt } from '../domain/compact-jwt.js';
import { newLinkSecret } from '../domain/link-secret.js';
import { type LinkToken, readLinkToken } from '../domain/link-token.js';
import { findSigner } from '../domain/signer.js';
import { type KnownClient, KnownClients } from './known-clients.js';
import { LinkKey } from './link-key.js';

interface Verdict {
  readonly link: LinkToken;
  readonly jwt: CompactJwt;
  readonly secretId: string;
}

/** A good link beside its client, or why it is none. */
export type CheckedLink =
  | (Verdict & { readonly client: KnownClient })
  /** `known`: the client, or `null` when it is not one of ours. */
  | { readonly known: string | null; readonly reason: LinkRefusal };

/** What no change of a client, its secrets or its settings could mend. */
const final: ReadonlySet<LinkRefusal> = new Set([
  ...(['malformed', 'algorithm', 'header'] as const),
  ...(['expired', 'not_yet_valid', 'no_expiry', 'claims'] as const),
]);

/** Checks an API Link token: form, signature, times, claims, in this order. Records nothing. */
@Injectable()
export class LinkCheck {
  /** An unknown client costs the same work as a known one with another secret. */
  private readonly stranger = [new LinkKey('stranger', newLinkSecret(randomBytes).secret, true, null)];

  constructor(private readonly clients: KnownClients) {}

  async check({ clientId, userToken }: { clientId: string; userToken: string }): Promise<CheckedLink> {
    const arrived = performance.now();
    const now = Date.now();
    const jwt = parseCompactJwt(userToken);

    let client = await this.clients.get(clientId);
    let verdict = this.judge(client, jwt, now);
    if (typeof verdict === 'string' && !final.has(verdict)) {
      // a new secret works at once everywhere: the store may know more than this process does
      client = await this.clients.newerThan(arrived, clientId);
      verdict = this.judge(client, jwt, now);
    }
    if (client && typeof verdict !== 'string') return { ...verdict, client };
    const reason = client && typeof verdict === 'string' ? verdict : 'unknown_client';
    return { known: client && clientId, reason };
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
