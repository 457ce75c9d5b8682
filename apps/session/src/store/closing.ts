import type { FactBody } from '#contracts/fact';
import { type Queryable, type Statement, statement } from '#postgres/postgres';
import { sessionFact } from './sql.js';

export interface Closing {
  readonly clientId: string;
  readonly reason: FactBody<'session.closed'>['reason'];
  readonly traceparent: string | null;
}

const update = (which: string) => `WITH closed AS (
    UPDATE sessions session SET closed_at = now(), close_reason = $2
    WHERE session.client_id = $1 AND ${which} AND session.closed_at IS NULL AND session.expires_at > now()
    RETURNING session.*
  ),
  stated AS (
    INSERT INTO outbox (client_id, type, subject, traceparent, body)
    SELECT client_id, 'session.closed', 'session/' || session_id, $3::text,
           jsonb_build_object(${sessionFact('closed')}, 'reason', close_reason)
    FROM closed
  )
  SELECT session_id FROM closed`;

/** Locked in the order refreshes are, so that the two cannot deadlock. */
const updateMany = (which: string) =>
  update(`session.session_id IN (
      SELECT locked.session_id FROM sessions locked
      WHERE locked.client_id = $1 AND ${which} AND locked.closed_at IS NULL
      ORDER BY locked.client_id, locked.session_id FOR UPDATE)`);

const closeById = statement(
  'session.close',
  update('session.session_id = $4::uuid AND session.subject = coalesce($5::text, session.subject)'),
);
const closeBySubject = statement('session.closeAll', updateMany('locked.subject = $4'));
const closeByParents = statement('session.closeChildren', updateMany('locked.parent_id = ANY ($4::uuid[])'));

/** Ends a session and all that hang on it. @param subject whose it must be; `null` = whoever's. @returns how many */
export async function closeOne(
  tx: Queryable,
  closing: Closing,
  sessionId: string,
  subject: string | null,
): Promise<number> {
  const closed = await close(tx, closeById, closing, sessionId, subject);
  return closed.length + (await closeDescendants(tx, closing, closed));
}

/** Ends all sessions of a subject. @returns how many */
export async function closeAll(tx: Queryable, closing: Closing, subject: string): Promise<number> {
  const closed = await close(tx, closeBySubject, closing, subject);
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
    level = await close(tx, closeByParents, closing, level);
  return count;
}

async function close(
  tx: Queryable,
  which: Statement,
  { clientId, reason, traceparent }: Closing,
  ...named: unknown[]
): Promise<string[]> {
  const closed = await tx.query<{ session_id: string }>(which, [clientId, reason, traceparent, ...named]);
  return closed.map(({ session_id }) => session_id);
}
