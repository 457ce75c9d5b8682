import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Received, Reply } from '#contracts/service';
import type { token } from '#contracts/token';
import { GroupedFacts } from '#outbox/grouped-facts';
import { uuidv7 } from '#secrets/random';
import { newSecret, type Purpose } from './domain/one-time-token.js';
import { OneTimeTokenStore } from './store/one-time-token.store.js';

type Request = Extract<Received<typeof token.offer>, { purpose: Purpose }>;

/** Issues a one-time token. Its secret is answered once; what waits in Redis is found by its SHA-256 only. */
@Injectable()
export class Offer {
  constructor(
    private readonly tokens: OneTimeTokenStore,
    private readonly facts: GroupedFacts,
  ) {}

  async run(request: Request): Promise<Reply<typeof token.offer>> {
    const { clientId, ttlSeconds, ...bound } = request;
    const { purpose, userId } = bound;
    const now = Date.now();
    const tokenId = uuidv7(now);
    const { secret, ...named } = newSecret(purpose, clientId, randomBytes);

    const expiresAt = Math.ceil(now / 1000) + ttlSeconds;
    const offered = { ...bound, tokenId, expiresAt };
    if (!(await this.tokens.reserve(named, offered, ttlSeconds))) throw new Error('256 random bits came twice');
    const body = { tokenId, userId, purpose };
    await this.facts.write({ type: 'token.offered', clientId, subject: `token/${tokenId}`, body });
    return { tokenId, secret, expiresAt };
  }
}
