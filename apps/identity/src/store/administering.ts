import type { NewFact } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import type { Outbox } from '#outbox/outbox';
import { type Queryable, statement } from '#postgres/postgres';
import {
  type Claims,
  changedFields,
  givenFields,
  ownerName,
  type Patch,
  patched,
  type User,
} from '../domain/identity.js';
import { claimEmail, settleClaims } from './claims.js';
import { changePassword, removeSecondFactor, setSecondFactor } from './credentials.js';
import { claimsFrom, eraseUser, forsakeExternalId } from './erasing.js';
import { Overtaken } from './overtaken.js';
import { living, type Proposal, type UserRow, userColumns, userOf } from './sql.js';
import { created, erased, merged, passwordChanged, restored, suspended, updated } from './telling.js';
import { becomeUser, insertUser, newUser, updateUser } from './writing.js';

/** A user an administrator makes. */
export interface Creation extends Claims {
  readonly clientId: string;
  readonly externalId: string | null;
  /** A PHC string. */
  readonly passwordHash?: string | undefined;
  readonly proposal: Proposal;
}

/** Which user; the id of an absorbed account names who absorbed it. */
export interface Whom {
  readonly clientId: string;
  readonly userId: string;
}

/** Makes a user in a transaction, or nothing. */
export async function create(tx: Queryable, outbox: Outbox, creation: Creation): Promise<User> {
  const { clientId, externalId, proposal, email, passwordHash } = creation;
  const owner = ownerName({ externalId, userId: proposal.userId });
  const claimsAsOf = await claimsFrom(tx, clientId, externalId);
  const draft = newUser({ clientId, externalId, ...proposal }, creation, { claimsAsOf, takenLinks: [] });
  const free = !email || (await claimEmail(tx, { clientId, owner, wanted: email.key, held: [] }));
  // An e-mail that is not free is left out: which of the two exists is told by the externalId first.
  const user = await insertUser(tx, free ? draft : { ...draft, email: proposal.placeholder, emailKey: null });
  if (!user) throw new Fault('user.already_exists');
  if (!free) throw new Fault('user.email_already_exists');
  if (passwordHash !== undefined) await changePassword(tx, user, passwordHash);
  const fields = [...givenFields(creation), ...(passwordHash === undefined ? [] : ['password'])];
  await outbox.write(tx, [created(user, fields)]);
  return user;
}

/**
 * An anonymous account that gets an externalId becomes a known user, as by a link. Another password, or none any more,
 * raises the epoch: whoever is in by the old one is out.
 */
export async function update(
  tx: Queryable,
  outbox: Outbox,
  whom: Whom,
  patch: Patch,
  placeholder: string,
): Promise<User> {
  const { user, anonymous } = await hold(tx, whom);
  const wish = patched(user, patch, placeholder);
  const fields = changedFields(user, wish);
  const change = patch.passwordHash === undefined ? null : await changePassword(tx, user, patch.passwordHash);
  if (fields.length === 0 && !change) return user;

  const { clientId, externalId } = wish;
  const renamed = fields.includes('externalId');
  if (renamed && (await isTaken(tx, clientId, externalId))) throw new Fault('user.already_exists');
  const claims = { clientId, owner: ownerName(wish), held: [user.emailKey] };
  const moves = renamed || wish.emailKey !== user.emailKey;
  if (moves && !(await claimEmail(tx, { ...claims, wanted: wish.emailKey }))) {
    throw new Fault('user.email_already_exists');
  }
  if (renamed) await forsakeExternalId(tx, user);
  const claimsAsOf = renamed ? Math.max(user.claimsAsOf, await claimsFrom(tx, clientId, externalId)) : user.claimsAsOf;
  const becomes = anonymous && renamed;
  const next = await (becomes ? becomeUser : updateUser)(tx, {
    ...wish,
    claimsAsOf,
    epoch: user.epoch + (change ? 1 : 0),
  });
  if (moves) await settleClaims(tx, claims, next.emailKey);
  await outbox.write(tx, [
    ...(becomes ? [merged(next, next.userId)] : []),
    ...updated(next, fields),
    ...(change ? [passwordChanged(next, change)] : []),
  ]);
  return next;
}

export async function suspend(tx: Queryable, outbox: Outbox, whom: Whom): Promise<User> {
  const { user } = await hold(tx, whom);
  if (user.status === 'suspended') return user;
  return write(tx, outbox, { ...user, status: 'suspended', epoch: user.epoch + 1 }, suspended);
}

export async function restore(tx: Queryable, outbox: Outbox, whom: Whom): Promise<User> {
  const { user } = await hold(tx, whom);
  if (user.status === 'active') return user;
  return write(tx, outbox, { ...user, status: 'active' }, restored);
}

/** @param seal the secret of the second factor, for this user */
export async function startTotp(
  tx: Queryable,
  outbox: Outbox,
  whom: Whom,
  seal: (user: User) => string,
): Promise<User> {
  const { user } = await hold(tx, whom);
  await setSecondFactor(tx, user, seal(user));
  await outbox.write(tx, updated(user, ['totp']));
  return user;
}

export async function stopTotp(tx: Queryable, outbox: Outbox, whom: Whom): Promise<void> {
  const { user } = await hold(tx, whom);
  if (await removeSecondFactor(tx, user)) await outbox.write(tx, updated(user, ['totp']));
}

export async function erase(tx: Queryable, outbox: Outbox, whom: Whom): Promise<void> {
  const held = await lookFor(tx, whom);
  if (!held && (await isErased(tx, whom))) return;
  if (!held) throw new Fault('user.missing');
  const { epoch } = await eraseUser(tx, held.user);
  await outbox.write(tx, [erased(held.user, epoch)]);
}

async function write(tx: Queryable, outbox: Outbox, user: User, fact: (user: User) => NewFact): Promise<User> {
  const written = await updateUser(tx, user);
  await outbox.write(tx, [fact(written)]);
  return written;
}

interface Held {
  readonly user: User;
  readonly anonymous: boolean;
}

async function hold(tx: Queryable, whom: Whom): Promise<Held> {
  const held = await lookFor(tx, whom);
  if (!held) throw new Fault('user.missing');
  return held;
}

async function lookFor(tx: Queryable, { clientId, userId }: Whom): Promise<Held | null> {
  const [seen] = await tx.query<{ living_id: string }>(resolve, [clientId, userId]);
  if (!seen) return null;
  const [row] = await tx.query<UserRow & { anonymous: boolean }>(lock, [clientId, seen.living_id]);
  // Absorbed or erased since: what the id names now is told by another look.
  if (!row) throw new Overtaken('user');
  return { user: userOf(row), anonymous: row.anonymous };
}

async function isErased(tx: Queryable, { clientId, userId }: Whom): Promise<boolean> {
  const [row] = await tx.query(tombstone, [clientId, userId]);
  return row !== undefined;
}

async function isTaken(tx: Queryable, clientId: string, externalId: string | null): Promise<boolean> {
  const [row] = await tx.query(bearer, [clientId, externalId]);
  return row !== undefined;
}

/** Whom an id names: the user itself, or who absorbed it. */
export const named = `users asked JOIN users ON users.client_id = asked.client_id
     AND users.user_id = coalesce(asked.merged_into, asked.user_id)
   WHERE asked.client_id = $1 AND asked.user_id = $2`;

const resolve = statement(
  'identity.resolve',
  `SELECT users.user_id AS living_id FROM ${named} AND users.status IN ${living}`,
);

const lock = statement(
  'identity.lock',
  `SELECT ${userColumns('users')}, handle_hash IS NOT NULL AND merged_into IS NULL AS anonymous
   FROM users WHERE client_id = $1 AND user_id = $2 AND status IN ${living} FOR NO KEY UPDATE`,
);

const tombstone = statement('identity.tombstone', `SELECT FROM ${named} AND users.status = 'erased'`);

const bearer = statement('identity.bearer', 'SELECT FROM users WHERE client_id = $1 AND external_id = $2');
