import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { ClaimRefusal } from '#contracts/refusal';
import type { Received, Reply } from '#contracts/service';
import type { token } from '#contracts/token';
import { GroupedFacts } from '#outbox/grouped-facts';
import { Refusals } from '#outbox/refusals';
import { type KnownClient, KnownClients } from './clients/known-clients.js';
import { judgeClaim, type NamedSecret, type OneTimeToken, type Purpose, readSecret } from './domain/one-time-token.js';
import { claimFailed } from './domain/refusal.js';
import { OneTimeTokenStore } from './store/one-time-token.store.js';

type Request = Extract<Received<typeof token.claim>, { purpose: Purpose }>;
type Answer = Reply<typeof token.claim>;

/** Takes a one-time token. All is judged before the take, so whoever may not have it consumes nothing (S-70). */
@Injectable()
export class Claim {
  constructor(
    private readonly tokens: OneTimeTokenStore,
    private readonly clients: KnownClients,
    private readonly refusals: Refusals,
    private readonly facts: GroupedFacts,
  ) {}

  async run(request: Request): Promise<Answer> {
    const arrived = performance.now();
    const named = readSecret(request.purpose, request.secret);
    if (!named) return this.refuse(request, null, 'malformed');
    const { clientId } = named;

    const known = await this.clients.get(clientId);
    if (known && !known.suspended && isForWhoeverHasIt(request)) return this.take(request, named, known, 'unknown');

    const waiting = await this.tokens.find(named);
    const refusal = judgeClaim(waiting, clientId, request, Date.now() / 1000);
    if (refusal) return this.refuse(request, known && clientId, refusal);

    // last of all: only who may have the token learns of a suspension; one lifted elsewhere counts at once
    const client = known && !known.suspended ? known : await this.clients.newerThan(arrived, clientId);
    if (!client || client.suspended) return this.refuse(request, client && clientId, client ? 'suspended' : 'unknown');

    if (isOfAnother(waiting, request)) throw new Fault('claim.questioned');
    return this.take(request, named, client, 'spent');
  }

  /** @param gone why there would be nothing to take */
  private async take(request: Request, named: NamedSecret, client: KnownClient, gone: ClaimRefusal): Promise<Answer> {
    const { clientId } = client;
    this.tokens.mustBeThere();
    const taken = await this.tokens.claim(named);
    if (!taken) return this.refuse(request, clientId, gone);
    // one that Redis was restored with: nobody may have it any more, so its taking is no loss
    const refusal = judgeClaim(taken, clientId, request, Date.now() / 1000);
    if (refusal) return this.refuse(request, clientId, refusal);
    await this.state(clientId, taken);
    return answer(client, taken);
  }

  /** @param known the client, or `null` when it is not one of ours */
  private async refuse({ purpose, attempt }: Request, known: string | null, reason: ClaimRefusal): Promise<never> {
    await this.refusals.record(claimFailed(known, purpose, reason, attempt), attempt);
    throw new Fault(reason === 'suspended' ? 'account.suspended' : 'code.refused');
  }

  /** The token is gone already, so a fact that was surely not written leaves no less in doubt than a lost answer. */
  private async state(clientId: string, { tokenId, userId, purpose }: OneTimeToken): Promise<void> {
    const fact = { type: 'token.claimed', clientId, subject: `token/${tokenId}` } as const;
    await this.facts.write({ ...fact, body: { tokenId, userId, purpose } }).catch((cause: unknown) => {
      throw new Fault('service.silent', { cause });
    });
  }
}

/** Nothing of what waits would keep this request from it, so nothing is asked before the take: one command, not two. */
function isForWhoeverHasIt(request: Request): boolean {
  return request.purpose === 'one-time' && request.unlessOther === undefined;
}

/** Whether somebody else than the token's user is signed in where it is claimed (S-25). */
function isOfAnother(waiting: OneTimeToken | null, request: Request): boolean {
  const signedIn = request.purpose === 'one-time' ? request.unlessOther : undefined;
  return signedIn !== undefined && signedIn !== waiting?.userId;
}

function answer({ clientId, epoch, settings }: KnownClient, taken: OneTimeToken): Answer {
  const { tokenId, userId, parentId, expiresAt } = taken;
  const user = taken.purpose === 'one-time' ? taken : { epoch: null, externalId: null };
  const { apiLink, oneTime } = settings.lifetimes;
  const { access, session } = taken.purpose === 'one-time' ? oneTime : apiLink;
  return {
    client: { clientId, epoch, lifetimes: { access, session } },
    tokenId,
    userId,
    epoch: user.epoch,
    externalId: user.externalId ?? null,
    parentId,
    expiresAt,
  };
}
