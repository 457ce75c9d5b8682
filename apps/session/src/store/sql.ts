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
export const byKey = (row: string, asked: string) =>
  `${row}.client_id = ANY (ARRAY[${asked}.client_id]) AND ${row}.session_id = ANY (ARRAY[${asked}.session_id])`;

export const sessionColumns = (row: string) =>
  ['client_id', 'session_id', 'subject', 'protocol', 'scopes', 'created_at', 'expires_at']
    .map((column) => `${row}.${column}`)
    .join(', ');

export interface SessionRow {
  readonly client_id: string;
  readonly session_id: string;
  readonly subject: string;
  readonly protocol: Session['protocol'];
  readonly scopes: string[];
  readonly created_at: Date;
  readonly expires_at: Date;
}

export const sessionOf = (row: SessionRow): Session => ({
  clientId: row.client_id,
  sessionId: row.session_id,
  subject: row.subject,
  protocol: row.protocol,
  scopes: row.scopes,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
});

/** The members every `session.*` fact begins with. */
export const sessionFact = (row: string) =>
  `'sessionId', ${row}.session_id, 'userId', ${row}.subject, 'protocol', ${row}.protocol`;
