import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import { isShort, type token } from '#contracts/token';
import { GroupedFacts } from '#outbox/grouped-facts';
import { uuidv7 } from '#secrets/random';
import { newCustomSecret, userHash } from './domain/custom-token.js';
import { chancesOfGuessing, mostChance } from './domain/guess-budget.js';
import { CustomTokenStore } from './store/custom-token.store.js';
import { GuessStore } from './store/guess.store.js';

type Request = Extract<Received<typeof token.offer>, { purpose: 'custom-token' }>;

/** Issues a secret that its user brings with their own id (protocol 003). Below 64 bit only the newest one lives. */
@Injectable()
export class OfferCustomToken {
  constructor(
    private readonly tokens: CustomTokenStore,
    private readonly guesses: GuessStore,
    private readonly facts: GroupedFacts,
  ) {}

  async run(request: Request): Promise<Reply<typeof token.offer>> {
    const { purpose, clientId, userId, externalId, epoch, length, ttlSeconds } = request;
    // S-61, whatever the contract comes to allow
    if (chancesOfGuessing(length).token > mostChance) throw new Fault('request.invalid', { detail: 'length' });
    const now = Date.now();
    const tokenId = uuidv7(now);
    const expiresAt = Math.ceil(now / 1000) + ttlSeconds;
    const secret = newCustomSecret(length, randomBytes);
    const user = { clientId, userHash: userHash(clientId, externalId) };

    // before the new one can be taken, no older one can be any more
    if (isShort(length)) await this.guesses.replace({ ...user, userId, tokenId, ttlSeconds });
    await this.tokens.save({ ...user, secret }, { tokenId, userId, epoch, expiresAt }, ttlSeconds);
    const body = { tokenId, userId, purpose };
    await this.facts.write({ type: 'token.offered', clientId, subject: `token/${tokenId}`, body });
    return { tokenId, secret, expiresAt };
  }
}
