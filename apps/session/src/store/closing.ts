import type { FactBody } from '#contracts/fact';
import { type Queryable, type Statement, statement } from '#postgres/postgres';
import type { Session } from '../domain/session.js';
import { closing as closingOf, live } from './sql.js';

export interface Closing {
  readonly clientId: string;
  readonly reason: FactBody<'session.closed'>['reason'];
  readonly traceparent: string | null;
}

const close = (held: string) => `WITH ${closingOf(held, '$2', '$3::text')}
  SELECT session_id FROM closed`;

const open = 'closed_at IS NULL AND expires_at > now() AS open';

const closeById = statement(
  'session.close',
  close(`SELECT client_id, session_id, ${open} FROM sessions
    WHERE client_id = $1 AND session_id = $4::uuid AND subject = coalesce($5::text, subject)
    FOR UPDATE`),
);

const closeBySubject = statement(
  'session.closeAll',
  close(`SELECT client_id, session_id, ${open} FROM sessions
    WHERE client_id = $1 AND subject = $4 AND closed_at IS NULL
    ORDER BY client_id, session_id FOR UPDATE`),
);

/**
 * Written so that only the index by parent fits: while the table is small Postgres would as soon look through all
 * sessions of the client, and go on so when it has grown.
 */
const closeByParents = statement(
  'session.closeChildren',
  close(`SELECT client_id, session_id, ${open} FROM sessions
    WHERE client_id = $1 AND session_id = ANY (ARRAY(
      SELECT child.session_id FROM unnest($4::uuid[]) AS parent (session_id)
      CROSS JOIN LATERAL (
        SELECT named.session_id FROM sessions named
        WHERE named.parent_id = parent.session_id AND named.client_id || '' = $1 OFFSET 0
      ) child))
    ORDER BY client_id, session_id FOR UPDATE`),
);

/** All but the newest so many of a crowd, and not the one they are crowded out by. */
const closeByAge = statement(
  'session.closeOldest',
  close(`SELECT client_id, session_id, ${open} FROM sessions
    WHERE client_id = $1 AND session_id <> $7::uuid AND session_id = ANY (ARRAY(
      SELECT crowd.session_id FROM sessions crowd
      WHERE crowd.client_id = $1 AND crowd.subject = $4 AND crowd.protocol = $5 AND ${live('crowd')}
      ORDER BY crowd.created_at DESC, crowd.session_id DESC OFFSET $6))
    ORDER BY client_id, session_id FOR UPDATE`),
);

/** Ends a session and all that hang on it. @param subject whose it must be; `null` = whoever's. @returns how many */
export async function closeOne(
  tx: Queryable,
  closing: Closing,
  sessionId: string,
  subject: string | null,
): Promise<number> {
  const closed = await closedBy(tx, closeById, closing, sessionId, subject);
  return closed.length + (await closeDescendants(tx, closing, closed));
}

/** Ends all sessions of a subject. @returns how many */
export async function closeAll(tx: Queryable, closing: Closing, subject: string): Promise<number> {
  const closed = await closedBy(tx, closeBySubject, closing, subject);
  return closed.length + (await closeDescendants(tx, closing, closed));
}

/**
 * Ends the oldest sessions that the subject of this one has by the same protocol, and what hangs on them, so that `most`
 * are left. Of several at once, each in a snapshot younger than its own session, the last leaves the newest.
 *
 * @returns how many
 */
export async function closeOldest(
  tx: Queryable,
  { clientId, sessionId, subject, protocol }: Session,
  most: number,
  traceparent: string | null,
): Promise<number> {
  const closing: Closing = { clientId, reason: 'crowded_out', traceparent };
  const closed = await closedBy(tx, closeByAge, closing, subject, protocol, most, sessionId);
  return closed.length + (await closeDescendants(tx, closing, closed));
}

/**
 * Ends what hangs on sessions that this transaction has closed, level by level: closing waited for every opening that
 * held the session, and only a statement after it sees what was opened then (state.md, "A one-time token").
 *
 * @returns how many
 */
export async function closeDescendants(tx: Queryable, closing: Closing, parents: readonly string[]): Promise<number> {
  let count = 0;
  for (let level = parents; level.length > 0; count += level.length)
    level = await closedBy(tx, closeByParents, closing, level);
  return count;
}

async function closedBy(
  tx: Queryable,
  which: Statement,
  { clientId, reason, traceparent }: Closing,
  ...named: unknown[]
): Promise<string[]> {
  const closed = await tx.query<{ session_id: string }>(which, [clientId, reason, traceparent, ...named]);
  return closed.map(({ session_id }) => session_id);
}
