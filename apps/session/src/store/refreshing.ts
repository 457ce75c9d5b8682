import { type Queryable, statement } from '#postgres/postgres';
import { type RefreshLink } from '../domain/credential.js';
import { retryWindowSeconds, type Session, type Verdict } from '../domain/session.js';
import { closeDescendants } from './closing.js';
import { asked, type Columns, valuesOf } from './columns.js';
import { byKey, closing, live, type SessionRow, sessionColumns, sessionFact, sessionOf } from './sql.js';

export interface Refreshing extends RefreshLink {
  /** Whose chains the door it came by takes further. */
  readonly protocols: readonly Session['protocol'][];
  /** SHA-256 of the app that asks. */
  readonly app: Buffer | null;
  /** The id of the MAC key a successor is made with. */
  readonly macKey: string;
  readonly address: string;
  readonly traceparent: string | null;
}

export interface Judged {
  readonly verdict: Verdict;
  readonly session: Session;
  /** The newest link of the chain and the key it was made with. */
  readonly generation: number;
  readonly macKey: string;
}

const columns: Columns<Refreshing> = {
  client_id: ['text', (row) => row.clientId],
  session_id: ['uuid', (row) => row.sessionId],
  generation: ['int', (row) => row.generation],
  protocols: ['text', (row) => JSON.stringify(row.protocols)],
  app_hash: ['bytea', (row) => row.app],
  mac_key: ['text', (row) => row.macKey],
  address: ['text', (row) => row.address],
  traceparent: ['text', (row) => row.traceparent],
};

/** Rows are locked in one order everywhere. */
export const refreshingOrder = (row: Refreshing) => `${row.clientId} ${row.sessionId}`;

const inRetryWindow = `now() BETWEEN session.rotated_at - interval '${retryWindowSeconds} s'
                              AND session.rotated_at + interval '${retryWindowSeconds} s'`;

/** Where the app of a chain is who its user is, it need not be named; another never is that. */
const ofApp = `coalesce(asked.app_hash = session.app_hash, session.app_hash IS NULL OR NOT session.app_named)`;

/**
 * One unconditional update judges every case on the locked row (state.md, "A session and its refresh chain"). An update
 * that had to wait is judged anew on the row as the winner left it; a read beside it would still see the old one. What
 * was reused has to end together with what hangs on it, which takes more than one snapshot: `endChain`.
 * `OFFSET 0` keeps the planner from copying the judgement into every place that uses it.
 */
const judgeAll = statement(
  'session.refresh',
  `WITH judged AS (
    UPDATE sessions session
    SET (verdict, generation, rotated_at, mac_key) = (
      SELECT verdict,
        CASE verdict WHEN 'rotated' THEN session.generation + 1 ELSE session.generation END,
        CASE verdict WHEN 'rotated' THEN now() ELSE session.rotated_at END,
        CASE verdict WHEN 'rotated' THEN asked.mac_key ELSE session.mac_key END
      FROM (
        SELECT CASE
          WHEN NOT ${live('session')} THEN 'ended'
          WHEN NOT asked.protocols::jsonb ? session.protocol THEN 'other_protocol'
          WHEN NOT ${ofApp} THEN 'other_app'
          WHEN asked.generation = session.generation THEN 'rotated'
          WHEN asked.generation > session.generation THEN 'ahead'
          WHEN asked.generation = session.generation - 1 AND ${inRetryWindow} THEN 'repeated'
          ELSE 'reused'
        END AS verdict OFFSET 0
      ) judgement
    )
    FROM ${asked(columns)}
    WHERE ${byKey('session', 'asked')}
    RETURNING asked.position, asked.traceparent, session.verdict, session.generation, session.mac_key,
              ${sessionColumns('session')}
  ),
  stated AS (
    INSERT INTO outbox (client_id, type, subject, traceparent, body)
    SELECT client_id, 'session.refreshed', 'session/' || session_id, traceparent,
           jsonb_build_object(${sessionFact('judged')}, 'generation', generation)
    FROM judged WHERE verdict = 'rotated'
  )
  SELECT position, verdict, generation, mac_key, ${sessionColumns('judged')} FROM judged`,
);

interface JudgedRow extends SessionRow {
  readonly position: number;
  readonly verdict: Verdict;
  readonly generation: number;
  readonly mac_key: string;
}

/** Ends a chain of which a superseded link showed up, unless it has ended. */
const endReused = statement(
  'session.endReused',
  `WITH ${closing(
    `SELECT client_id, session_id, ${live('named')} AS open FROM sessions named
    WHERE client_id = $1 AND session_id = $2 FOR UPDATE`,
    `'reuse_detected'`,
    '$3::text',
  )},
  detected AS (
    INSERT INTO outbox (client_id, type, subject, traceparent, body)
    SELECT client_id, 'session.reuse_detected', 'session/' || session_id, $3::text,
           jsonb_build_object(${sessionFact('closed')}, 'generation', $4::int, 'address', $5::text)
    FROM closed
  )
  SELECT session_id FROM closed`,
);

/**
 * At most one row a session; what was `reused` is still to be ended.
 *
 * @returns in order; `null` where there is no such session
 */
export async function judge(postgres: Queryable, rows: readonly Refreshing[]): Promise<(Judged | null)[]> {
  const judged = await postgres.query<JudgedRow>(judgeAll, valuesOf(columns, rows));
  const byPosition = new Map(judged.map((row) => [row.position, row]));
  return rows.map((_, index) => {
    const row = byPosition.get(index + 1);
    return row
      ? { verdict: row.verdict, session: sessionOf(row), generation: row.generation, macKey: row.mac_key }
      : null;
  });
}

/** Ends a reused chain and what hangs on it. @returns whether it was this that ended it */
export async function endChain(tx: Queryable, { address, generation, ...row }: Refreshing): Promise<boolean> {
  const { clientId, sessionId, traceparent } = row;
  const ended = await tx.query(endReused, [clientId, sessionId, traceparent, generation, address]);
  if (ended.length > 0) await closeDescendants(tx, { clientId, reason: 'reuse_detected', traceparent }, [sessionId]);
  return ended.length > 0;
}
