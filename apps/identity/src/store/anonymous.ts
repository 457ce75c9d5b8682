import { type Queryable, statement } from '#postgres/postgres';
import { defaults, type User } from '../domain/identity.js';
import type { Account } from '../domain/merge.js';
import { forgettingCredentials } from './credentials.js';
import { Overtaken } from './overtaken.js';
import { type Proposal, type UserRow, userColumns, userOf } from './sql.js';

/** An anonymous account to be. */
export interface Start {
  readonly clientId: string;
  readonly proposal: Proposal;
  /** SHA-256 of its handle. */
  readonly handle: Buffer;
  readonly traceparent: string | null;
}

export async function insertAnonymous(queryable: Queryable, start: Start): Promise<User> {
  const { clientId, proposal, handle, traceparent } = start;
  const values = [clientId, proposal.userId, proposal.placeholder, handle, traceparent];
  const [row] = await queryable.query<UserRow>(startAnonymous, values);
  if (!row) throw new Error('An insert answers its row');
  return userOf(row);
}

/**
 * The account a handle names. While it can be merged its lock is held until commit. One that is merged is only looked
 * at, since that never changes: it is a known user, whose turn to be locked comes later (arriving.ts).
 */
export async function findAccount(tx: Queryable, clientId: string, handle: Buffer): Promise<Account> {
  const [seen] = await tx.query<Seen>(look, [clientId, handle]);
  if (!seen) return { state: 'unknown' };
  if (seen.merged_into !== null) return { state: 'merged', into: seen.merged_into };
  if (seen.status === 'suspended') return { state: 'suspended' };
  if (seen.expired) return { state: 'expired' };
  const [row] = await tx.query<UserRow>(hold, [clientId, seen.user_id]);
  if (!row) throw new Overtaken('account');
  return { state: 'mergeable', user: userOf(row) };
}

interface Seen {
  readonly user_id: string;
  readonly merged_into: string | null;
  readonly status: string;
  readonly expired: boolean;
}

/** The account's id becomes an alias; what it had is given to the target elsewhere, what it had open ends. */
export async function makeAlias(tx: Queryable, { clientId, userId }: User, into: string): Promise<{ epoch: number }> {
  const [row] = await tx.query<{ epoch: number }>(alias, [clientId, userId, into]);
  if (!row) throw new Error('A locked account cannot be gone');
  return row;
}

/**
 * Deletes anonymous accounts that nobody claimed in time, the oldest first.
 *
 * @returns how many, at most `most`
 */
export async function forgetAnonymous(queryable: Queryable, most: number): Promise<number> {
  const [row] = await queryable.query<{ forgotten: number }>(forget, [most]);
  return row?.forgotten ?? 0;
}

const startAnonymous = statement(
  'identity.start_anonymous',
  `WITH started AS (
    INSERT INTO users (client_id, user_id, email, username, locale, handle_hash, anonymous_until)
    VALUES ($1, $2, $3, '${defaults.username}', '${defaults.locale}', $4, now() + interval '30 days')
    RETURNING *
  ),
  told AS (
    INSERT INTO outbox (client_id, type, subject, traceparent, body)
    SELECT client_id, 'user.created', 'user/' || user_id, $5,
      jsonb_build_object('userId', user_id, 'fields', '[]'::jsonb)
    FROM started
  )
  SELECT ${userColumns('started')} FROM started`,
);

const look = statement(
  'identity.look_at_account',
  `SELECT user_id, merged_into, status, anonymous_until <= now() AS expired
   FROM users WHERE client_id = $1 AND handle_hash = $2`,
);

const hold = statement(
  'identity.hold_account',
  `SELECT ${userColumns('users')} FROM users
   WHERE client_id = $1 AND user_id = $2 AND status = 'active' AND handle_hash IS NOT NULL AND merged_into IS NULL
   FOR NO KEY UPDATE`,
);

const alias = statement(
  'identity.make_alias',
  `${forgettingCredentials}
   UPDATE users SET status = 'merged', merged_into = $3, epoch = epoch + 1, email = 'merged@placeholder.invalid',
     email_key = NULL, username = '', locale = ''
   WHERE client_id = $1 AND user_id = $2
   RETURNING epoch`,
);

/** The claims are locked in the order of everybody else before they go. */
const forget = statement(
  'identity.forget_anonymous',
  `WITH due AS MATERIALIZED (
    SELECT client_id, user_id, email_key, epoch FROM users
    WHERE anonymous_until <= now() AND anonymous_until IS NOT NULL AND merged_into IS NULL
    ORDER BY anonymous_until
    LIMIT $1 FOR UPDATE SKIP LOCKED
  ),
  held AS MATERIALIZED (
    SELECT emails.client_id, emails.email FROM emails
    JOIN due ON due.client_id = emails.client_id AND due.email_key = emails.email
    ORDER BY emails.client_id, emails.email
    FOR UPDATE OF emails
  ),
  freed AS (
    DELETE FROM emails USING held WHERE emails.client_id = held.client_id AND emails.email = held.email
  ),
  gone AS (
    DELETE FROM users USING due
    WHERE users.client_id = due.client_id AND users.user_id = due.user_id AND (SELECT count(*) FROM held) >= 0
    RETURNING users.client_id, users.user_id, users.epoch
  ),
  told AS (
    INSERT INTO outbox (client_id, type, subject, body)
    SELECT client_id, 'user.erased', 'user/' || user_id, jsonb_build_object('userId', user_id, 'epoch', epoch + 1)
    FROM gone
  )
  SELECT count(*)::int AS forgotten FROM gone`,
);
