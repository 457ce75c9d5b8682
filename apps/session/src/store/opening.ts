import { type Queryable, statement } from '#postgres/postgres';
import type { Session } from '../domain/session.js';
import { asked, type Columns, valuesOf } from './columns.js';
import { byKey, leastEpoch, live, type SessionRow, sessionColumns, sessionFact, sessionOf } from './sql.js';

export interface Opening {
  readonly clientId: string;
  readonly sessionId: string;
  readonly subject: string;
  readonly epoch: number;
  readonly protocol: Session['protocol'];
  readonly scopes: readonly string[];
  readonly origin: string | null;
  /** Seconds. */
  readonly originUntil: number | null;
  readonly lifetimeSeconds: number;
  /** The id of the MAC key its first refresh token is made with. */
  readonly macKey: string;
  /** The session whose valid cookie the browser came with. */
  readonly presented: string | null;
  readonly link: { readonly secretId: string; readonly callback: string } | null;
  readonly support: string;
  readonly address: string;
  readonly traceparent: string | null;
}

/** A session opened (now, or by an earlier try of the same ask) or met again by its own browser. */
export interface Opened {
  readonly outcome: 'opened' | 'repeat';
  readonly session: Session;
  readonly macKey: string;
}

/** `spent`: the origin has opened another session; `stale`: the subject's epoch was raised since it was checked. */
export type NotOpened = { readonly outcome: 'spent' } | { readonly outcome: 'stale' };

const columns: Columns<Opening> = {
  client_id: ['text', (row) => row.clientId],
  session_id: ['uuid', (row) => row.sessionId],
  subject: ['text', (row) => row.subject],
  epoch: ['int', (row) => row.epoch],
  protocol: ['text', (row) => row.protocol],
  scopes: ['text', (row) => JSON.stringify(row.scopes)],
  origin: ['text', (row) => row.origin],
  origin_until: ['float8', (row) => row.originUntil],
  lifetime: ['int', (row) => row.lifetimeSeconds],
  mac_key: ['text', (row) => row.macKey],
  presented: ['uuid', (row) => row.presented],
  secret_id: ['text', (row) => row.link?.secretId],
  callback: ['text', (row) => row.link?.callback],
  support: ['text', (row) => row.support],
  address: ['text', (row) => row.address],
  traceparent: ['text', (row) => row.traceparent],
};

/** Rows that may wait for each other are inserted in one order everywhere, so that replicas cannot deadlock. */
export const openingOrder = (row: Opening) => `${row.clientId} ${row.origin ?? ''} ${row.sessionId}`;

const insertAll = statement(
  'session.open',
  `WITH asked AS (SELECT * FROM ${asked(columns)}),
  opened AS (
    INSERT INTO sessions (client_id, session_id, subject, epoch, protocol, scopes, origin, origin_until, mac_key,
                          created_at, expires_at)
    SELECT client_id, session_id, subject, epoch, protocol, scopes::jsonb, origin, to_timestamp(origin_until), mac_key,
           now(), now() + make_interval(secs => lifetime)
    FROM asked
    WHERE epoch >= ${leastEpoch('asked')}
    ON CONFLICT DO NOTHING
    RETURNING *
  ),
  stated AS (
    INSERT INTO outbox (client_id, type, subject, traceparent, body)
    SELECT client_id, 'session.opened', 'session/' || session_id, asked.traceparent,
           jsonb_build_object(${sessionFact('opened')}, 'expiresAt',
             to_char(opened.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    FROM opened JOIN asked USING (client_id, session_id)
    UNION ALL
    SELECT client_id, 'link.accepted', 'link/' || asked.support, asked.traceparent,
           jsonb_build_object('support', asked.support, 'userId', opened.subject, 'sessionId', session_id,
             'secretId', asked.secret_id, 'callback', asked.callback, 'address', asked.address)
    FROM opened JOIN asked USING (client_id, session_id)
    WHERE asked.protocol = 'api-link'
  )
  SELECT asked.position::int, opened.mac_key, ${sessionColumns('opened')}
  FROM opened JOIN asked USING (client_id, session_id)`,
);

/** Judges, in a snapshot younger than the conflict, what stood in the way of an opening: itself, another, or an epoch. */
const meetAll = statement(
  'session.meet',
  `WITH asked AS (SELECT * FROM ${asked(columns)}),
  met AS (
    SELECT asked.position, asked.client_id AS asking_client, asked.subject AS asking_subject, asked.support,
           asked.address, asked.traceparent, asked.protocol AS asking_protocol, met.mac_key, ${sessionColumns('met')},
      CASE
        WHEN met.session_id = asked.session_id AND met.subject = asked.subject
         AND met.origin IS NOT DISTINCT FROM asked.origin AND ${live('met')} THEN 'opened'
        WHEN met.session_id <> asked.session_id AND met.session_id = asked.presented AND ${live('met')} THEN 'repeat'
        WHEN (met.session_id IS NULL OR met.session_id = asked.session_id)
         AND asked.epoch < ${leastEpoch('asked')} THEN 'stale'
        ELSE 'spent'
      END AS outcome
    FROM asked
    LEFT JOIN LATERAL (
      SELECT * FROM (
        SELECT * FROM sessions mine WHERE ${byKey('mine', 'asked')}
        UNION ALL
        SELECT * FROM sessions first WHERE first.client_id = asked.client_id AND first.origin = asked.origin
      ) either
      ORDER BY either.session_id <> asked.session_id LIMIT 1
    ) met ON true
  ),
  stated AS (
    INSERT INTO outbox (client_id, type, subject, traceparent, body)
    SELECT asking_client, 'link.refused', 'link/' || support, traceparent,
           jsonb_build_object('support', support, 'address', address, 'userId', asking_subject,
             'reason', CASE outcome WHEN 'stale' THEN 'changed' ELSE 'replayed' END)
    FROM met
    WHERE outcome IN ('spent', 'stale') AND asking_protocol = 'api-link'
  )
  SELECT position::int, outcome, mac_key, ${sessionColumns('met')} FROM met`,
);

interface OpenedRow extends SessionRow {
  readonly position: number;
  readonly mac_key: string;
}

interface MetRow extends OpenedRow {
  readonly outcome: Opened['outcome'] | NotOpened['outcome'];
}

/** Inserts what can be inserted, with its facts. @returns in order; `null` for what was not inserted */
export async function insert(postgres: Queryable, rows: readonly Opening[]): Promise<(Opened | null)[]> {
  const inserted = await postgres.query<OpenedRow>(insertAll, valuesOf(columns, rows));
  const byPosition = new Map(inserted.map((row) => [row.position, row]));
  return rows.map((_, index) => {
    const row = byPosition.get(index + 1);
    return row ? { outcome: 'opened', session: sessionOf(row), macKey: row.mac_key } : null;
  });
}

/** Answers the openings that met something, stating the refused links. @returns in order */
export async function meet(postgres: Queryable, rows: readonly Opening[]): Promise<(Opened | NotOpened)[]> {
  const met = await postgres.query<MetRow>(meetAll, valuesOf(columns, rows));
  const byPosition = new Map(met.map((row) => [row.position, row]));
  return rows.map((_, index) => {
    const row = byPosition.get(index + 1);
    if (row?.outcome === 'opened' || row?.outcome === 'repeat')
      return { outcome: row.outcome, session: sessionOf(row), macKey: row.mac_key };
    return { outcome: row?.outcome ?? 'spent' };
  });
}
