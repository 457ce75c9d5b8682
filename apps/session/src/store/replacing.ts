import { type Queryable, statement } from '#postgres/postgres';
import { type Session, standing } from '../domain/session.js';
import { closeOne } from './closing.js';
import { insertOne, type Opened, type Opening } from './opening.js';
import { live, type SessionRow, sessionColumns, sessionOf } from './sql.js';

/** The browser is signed in as somebody else, who is to be asked first; nothing was opened. */
export interface Switch {
  readonly outcome: 'switch';
  readonly session: Session;
}

/** Holds the session a browser came with, and says whether the session to be opened would hang on it. */
const holdPresented = statement(
  'session.holdPresented',
  `WITH RECURSIVE ancestors AS (
    SELECT session_id, parent_id FROM sessions WHERE client_id = $1 AND session_id = $3::uuid
    UNION ALL
    SELECT up.session_id, up.parent_id
    FROM ancestors CROSS JOIN LATERAL (
      SELECT * FROM sessions WHERE client_id = $1 AND session_id = ancestors.parent_id OFFSET 0
    ) up
  )
  SELECT ${sessionColumns('session')},
         EXISTS (SELECT FROM ancestors WHERE ancestors.session_id = session.session_id) AS carries
  FROM (SELECT * FROM sessions WHERE client_id = $1 AND session_id = $2 OFFSET 0 FOR UPDATE) session
  WHERE ${live('session')}`,
);

/**
 * Opens a session in a browser that came with one: while that is held nobody else can decide about it, and it ends only
 * if the new one begins.
 *
 * @returns `null` when something stood in the way of the new one; then nothing happened
 */
export async function openInPlace(tx: Queryable, opening: Opening): Promise<Opened | Switch | null> {
  const { clientId, presented, parentId, traceparent } = opening;
  const [row] = await tx.query<SessionRow & { carries: boolean }>(holdPresented, [clientId, presented, parentId]);
  const held = row && sessionOf(row);
  const fate = held && standing({ session: held, carries: row.carries }, opening);
  if (held && fate === 'asked') return { outcome: 'switch', session: held };

  const opened = await insertOne(tx, opening);
  if (opened && held && fate === 'replaced')
    await closeOne(tx, { clientId, reason: 'replaced', traceparent }, held.sessionId, null);
  return opened;
}
