import type { Session } from '../domain/session.js';

/** Under this subject stands the epoch of a client itself. */
export const clientSubject = 'client';

const leastOf = (row: string, subject: string) =>
  `coalesce((SELECT least_epoch FROM epochs WHERE epochs.client_id = ${row}.client_id AND epochs.subject = ${subject}), 0)`;

/** The least epoch that holds for the subject of a row (an alias with `client_id` and `subject`). */
export const leastEpoch = (row: string) => leastOf(row, `${row}.subject`);

/** The least epoch that holds for the client of a row. */
export const leastClientEpoch = (row: string) => leastOf(row, `'${clientSubject}'`);

/** Whether a session still counts, by the database clock: for itself, its subject and its client. */
export const live = (row: string) =>
  `(${row}.closed_at IS NULL AND ${row}.expires_at > now()
    AND ${row}.epoch >= ${leastEpoch(row)} AND ${row}.client_epoch >= ${leastClientEpoch(row)})`;

/**
 * Equality of keys in the form that can only be looked up by index. Postgres keeps the plan it made while the table was
 * small; a join it may hash would go on reading the whole table until the next ANALYZE.
 */
export const byKeys = (row: string, clientId: string, sessionId: string) =>
  `${row}.client_id = ANY (ARRAY[${clientId}]) AND ${row}.session_id = ANY (ARRAY[${sessionId}])`;

export const byKey = (row: string, asked: string) => byKeys(row, `${asked}.client_id`, `${asked}.session_id`);

/**
 * The CTEs that close sessions and state it.
 *
 * @param locked a query that holds sessions, in the order of their keys as refreshes do, and says which are `open`. Only
 *   there may `closed_at` be compared: beside the key it would offer Postgres a partial index that begins with the client
 */
export const closing = (locked: string, reason: string, traceparent: string) => `locked AS MATERIALIZED (
    ${locked}
  ),
  closed AS (
    UPDATE sessions session SET closed_at = now(), close_reason = ${reason}
    FROM locked WHERE ${byKey('session', 'locked')} AND locked.open
    RETURNING session.*
  ),
  stated AS (
    INSERT INTO outbox (client_id, type, subject, traceparent, body)
    SELECT client_id, 'session.closed', 'session/' || session_id, ${traceparent},
           jsonb_build_object(${sessionFact('closed')}, 'reason', close_reason)
    FROM closed
  )`;

export const sessionColumns = (row: string) =>
  ['client_id', 'session_id', 'subject', 'protocol', 'scopes', 'created_at', 'auth_time', 'expires_at']
    .map((column) => `${row}.${column}`)
    .join(', ');

export interface SessionRow {
  readonly client_id: string;
  readonly session_id: string;
  readonly subject: string;
  readonly protocol: Session['protocol'];
  readonly scopes: string[];
  readonly created_at: Date;
  readonly auth_time: Date;
  readonly expires_at: Date;
}

export const sessionOf = (row: SessionRow): Session => ({
  clientId: row.client_id,
  sessionId: row.session_id,
  subject: row.subject,
  protocol: row.protocol,
  scopes: row.scopes,
  createdAt: row.created_at,
  authenticatedAt: row.auth_time,
  expiresAt: row.expires_at,
});

/** The members every `session.*` fact begins with. */
export const sessionFact = (row: string) =>
  `'sessionId', ${row}.session_id, 'userId', ${row}.subject, 'protocol', ${row}.protocol`;
