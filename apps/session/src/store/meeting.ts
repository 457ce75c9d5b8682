import { type Queryable, statement } from '#postgres/postgres';
import { asked, type Columns, valuesOf } from './columns.js';
import type { Opened, Opening } from './opening.js';
import { byKey, leastClientEpoch, leastEpoch, live, type SessionRow, sessionColumns, sessionOf } from './sql.js';

/**
 * - `spent`: the origin has opened another session
 * - `stale`: the epoch of the subject or its client was raised since it was checked
 * - `orphaned`: the session it was to hang on does not live, or is of somebody else
 */
export interface NotOpened {
  readonly outcome: 'spent' | 'stale' | 'orphaned';
}

const columns: Columns<Opening> = {
  client_id: ['text', (row) => row.clientId],
  session_id: ['uuid', (row) => row.sessionId],
  subject: ['text', (row) => row.subject],
  epoch: ['int', (row) => row.epoch],
  client_epoch: ['int', (row) => row.clientEpoch],
  origin: ['text', (row) => row.origin],
  parent_id: ['uuid', (row) => row.parentId],
  presented: ['uuid', (row) => row.presented],
};

/** Judges, in a snapshot younger than the conflict, what stood in the way of an opening. */
const meetAll = statement(
  'session.meet',
  `SELECT asked.position, met.mac_key, ${sessionColumns('met')},
    CASE
      WHEN met.session_id = asked.session_id AND met.subject = asked.subject
       AND met.origin IS NOT DISTINCT FROM asked.origin AND met.parent_id IS NOT DISTINCT FROM asked.parent_id
       AND ${live('met')} THEN 'opened'
      WHEN met.session_id <> asked.session_id AND met.session_id = asked.presented AND ${live('met')} THEN 'repeat'
      WHEN (met.session_id IS NULL OR met.session_id = asked.session_id)
       AND (asked.epoch < ${leastEpoch('asked')} OR asked.client_epoch < ${leastClientEpoch('asked')}) THEN 'stale'
      WHEN met.session_id IS NULL AND asked.parent_id IS NOT NULL THEN 'orphaned'
      ELSE 'spent'
    END AS outcome
  FROM ${asked(columns)}
  LEFT JOIN LATERAL (
    SELECT * FROM (
      SELECT * FROM sessions mine WHERE ${byKey('mine', 'asked')}
      UNION ALL
      SELECT * FROM sessions first WHERE first.client_id = asked.client_id AND first.origin = asked.origin
    ) either
    ORDER BY either.session_id <> asked.session_id LIMIT 1
  ) met ON true`,
);

interface MetRow extends SessionRow {
  readonly position: number;
  readonly mac_key: string;
  readonly outcome: Opened['outcome'] | NotOpened['outcome'];
}

/** Answers the openings that met something. @returns in order */
export async function meet(postgres: Queryable, rows: readonly Opening[]): Promise<(Opened | NotOpened)[]> {
  const met = await postgres.query<MetRow>(meetAll, valuesOf(columns, rows));
  const byPosition = new Map(met.map((row) => [row.position, row]));
  return rows.map(({ mostPerSubject }, index) => {
    const row = byPosition.get(index + 1);
    if (row?.outcome === 'opened' || row?.outcome === 'repeat')
      return { outcome: row.outcome, session: sessionOf(row), macKey: row.mac_key, crowded: mostPerSubject !== null };
    return { outcome: row?.outcome ?? 'spent' };
  });
}
