import type { NewFact } from '#contracts/fact';
import type { Outbox } from '#outbox/outbox';
import { type Postgres, type Queryable, statement } from '#postgres/postgres';
import {
  type Claims,
  changedFields,
  defaults,
  givenFields,
  isNews,
  ownerName,
  takenLinksAfter,
  type User,
} from '../domain/identity.js';
import { type Arrived, type Arriving, type UserRow, userColumns, userOf } from './sql.js';

/** Somebody else created the user between our look and our insert. */
class Overtaken extends Error {}

const tries = 5;

/**
 * Decides any arrival, one at a time and under locks: an e-mail that changes, that is claimed already, or an arrival
 * that `arriving.ts` lost to another. Locks are taken in the order told there: the user, then the claims.
 */
export async function settle(postgres: Postgres, outbox: Outbox, arrival: Arriving): Promise<Arrived> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await postgres.transaction((tx) => settleIn(tx, outbox, arrival));
    } catch (error) {
      if (!(error instanceof Overtaken) || tried === tries) throw error;
    }
  }
}

async function settleIn(tx: Queryable, outbox: Outbox, arrival: Arriving): Promise<Arrived> {
  const [row] = await tx.query<UserRow>(lockUser, [arrival.clientId, arrival.externalId]);
  const arrived = row ? await meet(tx, userOf(row), arrival) : await introduce(tx, arrival);
  await outbox.write(tx, arrived.facts);
  return arrived;
}

interface Told extends Arrived {
  readonly facts: readonly NewFact[];
}

async function meet(tx: Queryable, user: User, arrival: Arriving): Promise<Told> {
  const owner = ownerName(user);
  if (user.status === 'suspended' || !isNews(arrival, user)) {
    // overtaken while it was new, an arrival may have claimed an e-mail in vain; the user's lock keeps others of it away
    if (arrival.email && arrival.email.key !== user.emailKey)
      await freeEmail(tx, user.clientId, arrival.email.key, owner);
    return { user, created: false, facts: [] };
  }

  const mine = await claim(tx, arrival, owner, user.emailKey);
  const claims = mine ? arrival : { ...arrival, email: undefined };
  const next = await save(tx, {
    ...taking(user, claims),
    claimsAsOf: arrival.asOf,
    takenLinks: takenLinksAfter(arrival, user),
  });
  if (user.emailKey !== null && user.emailKey !== next.emailKey)
    await freeEmail(tx, user.clientId, user.emailKey, owner);

  const fields = changedFields(user, claims);
  return {
    user: next,
    created: false,
    facts: [...(fields.length > 0 ? [updated(next, fields)] : []), ...(mine ? [] : [contested(next, arrival)])],
  };
}

async function introduce(tx: Queryable, arrival: Arriving): Promise<Told> {
  const { clientId, externalId, proposal, asOf, hash } = arrival;
  const mine = await claim(tx, arrival, ownerName({ externalId, userId: proposal.userId }), null);
  const claims = mine ? arrival : { ...arrival, email: undefined };
  const user = await insertUser(tx, newUser({ clientId, externalId, ...proposal }, claims, { asOf, hash }));
  if (!user) throw new Overtaken('The user was created meanwhile');
  return {
    user,
    created: true,
    facts: [created(user, givenFields({ ...claims, externalId })), ...(mine ? [] : [contested(user, arrival)])],
  };
}

/** @returns whether the user may bear the e-mail it claims; also when it claims none */
async function claim(tx: Queryable, { clientId, email }: Arriving, owner: string, held: string | null) {
  if (!email || email.key === held) return true;
  return claimEmail(tx, clientId, email.key, owner, held);
}

/**
 * Claims an e-mail and holds the claim, and that on the e-mail the user bears now, until commit. A claim whose owner
 * does not bear the e-mail (it was made in vain) goes over.
 *
 * @returns whether nobody else bears it
 */
export async function claimEmail(tx: Queryable, clientId: string, key: string, owner: string, held: string | null) {
  const claims = await tx.query<{ email: string; owner: string }>(lockClaims, [
    clientId,
    held === null ? [key] : [key, held],
    owner,
  ]);
  if (claims.some((claimed) => claimed.email === key && claimed.owner === owner)) return true;
  const taken = await tx.query(takeClaim, [clientId, key, owner]);
  return taken.length > 0;
}

async function freeEmail(tx: Queryable, clientId: string, key: string, owner: string): Promise<void> {
  await tx.query(freeClaim, [clientId, key, owner]);
}

type Named = Pick<User, 'clientId' | 'userId' | 'externalId'> & { readonly placeholder: string };
type Draft = Omit<User, 'status' | 'epoch' | 'createdAt'>;

/** A user who has not been here before. */
export function newUser(named: Named, claims: Claims, link: { asOf: number; hash: string } | null): Draft {
  return {
    clientId: named.clientId,
    userId: named.userId,
    externalId: named.externalId,
    email: claims.email?.address ?? named.placeholder,
    emailKey: claims.email?.key ?? null,
    username: claims.username ?? defaults.username,
    locale: claims.locale ?? defaults.locale,
    claimsAsOf: link?.asOf ?? 0,
    takenLinks: link ? [link.hash] : [],
  };
}

function taking(user: User, { email, username, locale }: Claims): User {
  return {
    ...user,
    email: email?.address ?? user.email,
    emailKey: email?.key ?? user.emailKey,
    username: username ?? user.username,
    locale: locale ?? user.locale,
  };
}

/** @returns the new user, or `null` when its externalId is taken */
export async function insertUser(tx: Queryable, draft: Draft): Promise<User | null> {
  const [row] = await tx.query<UserRow>(insert, valuesOf(draft));
  return row ? userOf(row) : null;
}

async function save(tx: Queryable, user: User): Promise<User> {
  const [row] = await tx.query<UserRow>(update, valuesOf(user));
  if (!row) throw new Error('A locked user cannot be gone');
  return userOf(row);
}

function valuesOf(user: Draft): unknown[] {
  return [
    user.clientId,
    user.userId,
    user.externalId,
    user.email,
    user.emailKey,
    user.username,
    user.locale,
    user.claimsAsOf,
    user.takenLinks,
  ];
}

const about = ({ clientId, userId }: User) => ({ clientId, subject: `user/${userId}` });

export function created(user: User, fields: string[]): NewFact {
  return { type: 'user.created', ...about(user), body: { userId: user.userId, fields } };
}

function updated(user: User, fields: string[]): NewFact {
  return { type: 'user.updated', ...about(user), body: { userId: user.userId, fields } };
}

function contested(user: User, { support }: Arriving): NewFact {
  return { type: 'user.email_contested', ...about(user), body: { userId: user.userId, support } };
}

const lockUser = statement(
  'identity.lock_user',
  `SELECT ${userColumns('users')} FROM users WHERE client_id = $1 AND external_id = $2 FOR NO KEY UPDATE`,
);

/** An update that changes nothing, because a `SELECT … FOR UPDATE` could not claim what nobody has claimed yet. */
const lockClaims = statement(
  'identity.lock_claims',
  `INSERT INTO emails (client_id, email, owner)
   SELECT $1, email, $3 FROM unnest($2::text[]) AS key (email) ORDER BY email COLLATE "C"
   ON CONFLICT (client_id, email) DO UPDATE SET owner = emails.owner
   RETURNING email, owner`,
);

/** Who bears the e-mail is seen exactly: the claim is locked, so nobody can be about to. */
const takeClaim = statement(
  'identity.take_claim',
  `UPDATE emails SET owner = $3
   WHERE client_id = $1 AND email = $2
     AND NOT EXISTS (SELECT FROM users WHERE users.client_id = $1 AND users.email_key = $2)
   RETURNING owner`,
);

const freeClaim = statement(
  'identity.free_claim',
  'DELETE FROM emails WHERE client_id = $1 AND email = $2 AND owner = $3',
);

const insert = statement(
  'identity.insert_user',
  `INSERT INTO users (client_id, user_id, external_id, email, email_key, username, locale, claims_as_of, taken_links)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
   ON CONFLICT (client_id, external_id) DO NOTHING
   RETURNING ${userColumns('users')}`,
);

const update = statement(
  'identity.update_user',
  `UPDATE users SET external_id = $3, email = $4, email_key = $5, username = $6, locale = $7, claims_as_of = $8,
     taken_links = $9
   WHERE client_id = $1 AND user_id = $2
   RETURNING ${userColumns('users')}`,
);
