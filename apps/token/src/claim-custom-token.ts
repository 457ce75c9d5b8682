import { Injectable } from '@nestjs/common';
import type { NewFact } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import { externalId as externalIdForm } from '#contracts/ids';
import type { ClaimRefusal } from '#contracts/refusal';
import type { Received, Reply } from '#contracts/service';
import { isShort, type token } from '#contracts/token';
import { metrics } from '#metrics/metrics';
import { GroupedFacts } from '#outbox/grouped-facts';
import { Refusals } from '#outbox/refusals';
import { KnownClients } from './clients/known-clients.js';
import { type CustomToken, isCustomSecret, userHash } from './domain/custom-token.js';
import { locksBy } from './domain/guess-budget.js';
import { claimFailed, tokenLocked } from './domain/refusal.js';
import { Lanes } from './lanes.js';
import { CustomTokenStore, type Presented } from './store/custom-token.store.js';
import { GuessStore } from './store/guess.store.js';
import type { Admitted } from './store/guess-counting.js';

type Request = Extract<Received<typeof token.claim>, { purpose: 'custom-token' }>;

/** Guesses of one client that a process evaluates at a time. */
const abreast = 10;

/**
 * Takes a token of protocol 003. Whatever is refused, is refused in the same words, and a secret below 64 bit is
 * compared only once the guess is counted.
 */
@Injectable()
export class ClaimCustomToken {
  /** Right guesses count until they are found right: more at a time than the budget of a client would look like a siege. */
  private readonly lanes = new Lanes(abreast);

  constructor(
    private readonly tokens: CustomTokenStore,
    private readonly guesses: GuessStore,
    private readonly clients: KnownClients,
    private readonly refusals: Refusals,
    private readonly facts: GroupedFacts,
  ) {}

  async run(request: Request): Promise<Reply<typeof token.claim>> {
    const arrived = performance.now();
    const { clientId, externalId, secret } = request;
    const known = await this.clients.get(clientId);
    const client = known && !known.suspended ? known : await this.clients.newerThan(arrived, clientId);
    // before anything is counted or taken
    if (!client || client.suspended) return this.refuse(request, client && clientId, client ? 'suspended' : 'unknown');
    if (!isCustomSecret(secret) || !externalIdForm.safeParse(externalId).success) {
      return this.refuse(request, clientId, 'malformed');
    }

    this.tokens.mustBeThere();
    const presented = { clientId, userHash: userHash(clientId, externalId), secret };
    const taken = isShort(secret.length)
      ? await this.lanes.run(clientId, () => this.guess(request, presented))
      : await this.take(request, presented);
    const { tokenId, userId, epoch, expiresAt } = taken;
    return {
      client: { clientId, epoch: client.epoch, lifetimes: client.settings.lifetimes.customToken },
      ...{ tokenId, userId, epoch, externalId, parentId: null, expiresAt },
    };
  }

  /** Nobody guesses 64 bit: taken without counting. */
  private async take(request: Request, presented: Presented): Promise<CustomToken> {
    const { clientId } = presented;
    const taken = await this.tokens.claim(presented);
    if (!isLive(taken)) return this.refuse(request, clientId, taken ? 'expired' : 'wrong');
    await doubtful(this.facts.write(claimed(clientId, taken)));
    return taken;
  }

  private async guess(request: Request, presented: Presented): Promise<CustomToken> {
    const { clientId } = presented;
    const standing = await this.guesses.count(presented);
    metrics.guesses.of({ outcome: typeof standing === 'string' ? standing : 'evaluated' }).add();
    if (standing === 'none') return this.refuse(request, clientId, 'wrong');
    if (standing === 'locked') return this.refuse(request, clientId, 'locked');

    const taken = await this.tokens.claim(presented);
    // one that was replaced may still stand in Redis
    if (!isLive(taken) || taken.tokenId !== standing.tokenId) return this.miss(request, standing);
    await doubtful(this.guesses.clear(presented, standing, claimed(clientId, taken)));
    return taken;
  }

  private async miss(request: Request, { tokenId, userId, counted }: Admitted): Promise<never> {
    const { clientId } = request;
    const locked = locksBy(counted).map((lock) => tokenLocked(clientId, { tokenId, userId }, lock));
    const stated = locked.map((fact) => this.facts.write(fact));
    await Promise.all([this.record(request, clientId, 'wrong'), ...stated]);
    throw new Fault('code.refused');
  }

  /** @param known the client, or `null` when it is not one of ours */
  private async refuse(request: Request, known: string | null, reason: ClaimRefusal): Promise<never> {
    await this.record(request, known, reason);
    throw new Fault('code.refused');
  }

  private record({ purpose, attempt }: Request, known: string | null, reason: ClaimRefusal): Promise<void> {
    return this.refusals.record(claimFailed(known, purpose, reason, attempt), attempt);
  }
}

/** Redis forgets in time, but one restored from a copy brings back what was spent. */
function isLive(taken: CustomToken | null): taken is CustomToken {
  return taken !== null && taken.expiresAt > Date.now() / 1000;
}

function claimed(clientId: string, { tokenId, userId }: CustomToken): NewFact<'token.claimed'> {
  const body = { tokenId, userId, purpose: 'custom-token' } as const;
  return { type: 'token.claimed', clientId, subject: `token/${tokenId}`, body };
}

/** The token is gone already, so what surely was not written leaves no less in doubt than a lost answer. */
async function doubtful(written: Promise<unknown>): Promise<void> {
  await written.catch((cause: unknown) => {
    throw new Fault('service.silent', { cause });
  });
}
