import type { NewFact } from '#contracts/fact';
import type { MergeRefusal } from '#contracts/refusal';
import type { Outbox } from '#outbox/outbox';
import { type Postgres, type Queryable, statement } from '#postgres/postgres';
import {
  changedFields,
  givenFields,
  isNews,
  ownerName,
  takenLinksAfter,
  taking,
  type User,
} from '../domain/identity.js';
import { type Account, filled, judgeMerge } from '../domain/merge.js';
import { findAccount, makeAlias } from './anonymous.js';
import { claimEmail, dropClaim, releaseClaim, settleClaims } from './claims.js';
import { erasedAt } from './erasing.js';
import { decide, Overtaken } from './overtaken.js';
import { type Arrived, type Arriving, LinkRefused, type Merge, type UserRow, userColumns, userOf } from './sql.js';
import { contested, created, merged, mergeRefused, updated } from './telling.js';
import { becomeUser, insertUser, newUser, updateUser } from './writing.js';

interface Settled extends Arrived {
  readonly facts: readonly NewFact[];
}

/**
 * Decides any arrival, one at a time and under locks: an e-mail that changes or is claimed already, an anonymous account
 * to be merged, or an arrival that `arriving.ts` lost to another. Locks are taken in the order told there.
 *
 * @throws LinkRefused
 */
export async function settle(postgres: Postgres, outbox: Outbox, arrival: Arriving): Promise<Arrived> {
  const settled = await decide(postgres, async (tx) => {
    const outcome = await settleIn(tx, arrival);
    if (outcome) await outbox.write(tx, outcome.facts);
    return outcome;
  });
  if (!settled) throw new LinkRefused('erased');
  const { user, created, merge } = settled;
  return { user, created, merge };
}

/** @returns `null` when the user was erased after the link */
async function settleIn(tx: Queryable, arrival: Arriving): Promise<Settled | null> {
  const { clientId, externalId, handle } = arrival;
  const account = handle && (await findAccount(tx, clientId, handle));
  const [row] = await tx.query<UserRow>(lockUser, [clientId, externalId]);
  const user = row && userOf(row);
  const mayChange = user ? user.status === 'active' && isNews(arrival, user) : true;

  if ((!user || !mayChange) && (await isFromBeforeErasure(tx, arrival))) return null;
  if (!user) return introduce(tx, arrival, account);
  return mayChange ? meet(tx, user, arrival, account) : recognise(tx, user, arrival, account);
}

/** A known user, to whom the link is news. */
async function meet(tx: Queryable, user: User, arrival: Arriving, account: Account | null): Promise<Settled> {
  const merging = mergingOf(account, user.userId);
  const absorbed = merging.account;
  const claims = {
    clientId: user.clientId,
    owner: ownerName(user),
    held: absorbed ? [user.emailKey, absorbed.emailKey] : [user.emailKey],
  };
  const wanted = arrival.email?.key ?? null;
  const moves = (wanted !== null && wanted !== user.emailKey) || (absorbed?.emailKey ?? null) !== null;
  const mine = !moves || (await claimEmail(tx, { ...claims, wanted }));
  if (!mine && arrival.emailConflict === 'reject') throw new LinkRefused('email_conflict', user.userId);

  const alias = absorbed && (await makeAlias(tx, absorbed, user.userId));
  const next = await updateUser(tx, {
    ...taking(absorbed ? filled(user, absorbed) : user, allowed(arrival, mine)),
    claimsAsOf: arrival.asOf,
    takenLinks: takenLinksAfter(arrival, user),
  });
  if (moves) await settleClaims(tx, claims, next.emailKey);
  return {
    user: next,
    created: false,
    merge: alias ? 'absorbed' : merging.merge,
    facts: [
      ...(alias && absorbed ? [merged({ ...absorbed, epoch: alias.epoch }, user.userId)] : []),
      ...updated(next, changedFields(user, next)),
      ...remarks(next, arrival, mine, merging.refusal),
    ],
  };
}

/** Nobody of this externalId yet: the anonymous account becomes the user, or a new one is made. */
async function introduce(tx: Queryable, arrival: Arriving, account: Account | null): Promise<Settled> {
  const { clientId, externalId, proposal, asOf, hash } = arrival;
  const merging = mergingOf(account, null);
  const before = merging.account;
  const link = { claimsAsOf: asOf, takenLinks: [hash] };
  const claims = {
    clientId,
    owner: ownerName({ externalId, userId: proposal.userId }),
    held: before ? [before.emailKey] : [],
  };
  const mine = await claimEmail(tx, { ...claims, wanted: arrival.email?.key ?? null });
  if (!mine && arrival.emailConflict === 'reject') throw new LinkRefused('email_conflict');

  const said = allowed(arrival, mine);
  const user = before
    ? await becomeUser(tx, { ...taking(before, said), externalId, ...link })
    : await insertUser(tx, newUser({ clientId, externalId, ...proposal }, said, link));
  if (!user) throw new Overtaken('externalId');
  await settleClaims(tx, claims, user.emailKey);
  return {
    user,
    created: !before,
    merge: before ? 'became' : merging.merge,
    facts: [
      ...(before
        ? [merged(user, user.userId), ...updated(user, changedFields(before, user))]
        : [created(user, givenFields({ ...said, externalId }))]),
      ...remarks(user, arrival, mine, merging.refusal),
    ],
  };
}

/** A known user whom the link may not change: a replay, a latecomer, somebody suspended. */
async function recognise(tx: Queryable, user: User, arrival: Arriving, account: Account | null): Promise<Settled> {
  // Overtaken while it was new, an arrival may have claimed an e-mail in vain.
  if (arrival.email && arrival.email.key !== user.emailKey)
    await dropClaim(tx, user.clientId, arrival.email.key, ownerName(user));
  const merge = account && (judgeMerge(account, user.userId) === 'repeated' ? 'repeated' : 'refused');
  return { user, created: false, merge, facts: [] };
}

async function isFromBeforeErasure(tx: Queryable, arrival: Arriving): Promise<boolean> {
  const { clientId, externalId, asOf, email } = arrival;
  const erased = await erasedAt(tx, clientId, externalId);
  if (erased === null || asOf > erased) return false;
  if (email) await releaseClaim(tx, clientId, email.key, ownerName({ externalId, userId: '' }));
  return true;
}

interface Merging {
  /** To be merged now. */
  readonly account: User | null;
  readonly merge: Merge;
  readonly refusal: MergeRefusal | null;
}

function mergingOf(account: Account | null, userId: string | null): Merging {
  if (!account) return { account: null, merge: null, refusal: null };
  if (account.state === 'mergeable') return { account: account.user, merge: null, refusal: null };
  const verdict = judgeMerge(account, userId);
  if (verdict === 'mergeable' || verdict === 'repeated') return { account: null, merge: 'repeated', refusal: null };
  return { account: null, merge: 'refused', refusal: verdict };
}

/** What is taken of the claims: an e-mail only when nobody else bears it. */
const allowed = (arrival: Arriving, mine: boolean) => (mine ? arrival : { ...arrival, email: undefined });

/** What did not go as the link would have it. */
function remarks(user: User, { support }: Arriving, mine: boolean, refusal: MergeRefusal | null): NewFact[] {
  return [...(mine ? [] : [contested(user, support)]), ...(refusal ? [mergeRefused(user, support, refusal)] : [])];
}

const lockUser = statement(
  'identity.lock_user',
  `SELECT ${userColumns('users')} FROM users WHERE client_id = $1 AND external_id = $2 FOR NO KEY UPDATE`,
);
