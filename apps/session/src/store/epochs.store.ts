import { Injectable } from '@nestjs/common';
import { Postgres, type Queryable, statement } from '#postgres/postgres';
import type { RaisedEpoch } from '../domain/epoch.js';
import { byKey, clientSubject, closing, leastClientEpoch, leastEpoch } from './sql.js';

/** Sessions closed with one statement; the client's are looked through in larger stretches. */
const batch = 500;
const stretch = 2000;

/** Sessions opened meanwhile, on an answer that was already stale, are in the table by then. */
const settlesAfter = '10 seconds';

/**
 * Tokens without a session live at most a day (001: 1440 min), plus leeway; those of a session end with it, so closing
 * the stale ones prolongs this where needed.
 */
const mattersFor = '25 hours';

const raise = statement(
  'session.raiseEpochs',
  `INSERT INTO epochs AS known (client_id, subject, least_epoch, raised_at, matters_until)
  SELECT client_id, subject, max(least), now(), now() + interval '${mattersFor}'
  FROM unnest($1::text[], $2::text[], $3::int[]) AS raised (client_id, subject, least)
  GROUP BY client_id, subject ORDER BY client_id, subject
  ON CONFLICT (client_id, subject) DO UPDATE
    SET least_epoch = excluded.least_epoch, raised_at = excluded.raised_at, settled_at = NULL,
        matters_until = greatest(known.matters_until, excluded.matters_until)
    WHERE known.least_epoch < excluded.least_epoch`,
);

const closeOf = (stale: string, subject: string) => `${closing(
  `SELECT session.client_id, session.session_id, session.closed_at IS NULL AS open
    FROM (${stale} ORDER BY client_id, session_id) stale
    CROSS JOIN LATERAL (SELECT * FROM sessions named WHERE ${byKey('named', 'stale')} OFFSET 0 FOR UPDATE) session`,
  `'revoked'`,
  'NULL',
)},
  prolonged AS (
    UPDATE epochs SET matters_until = ended.last
    FROM (SELECT client_id, ${subject} AS subject, max(expires_at) AS last FROM closed GROUP BY 1, 2) ended
    WHERE epochs.client_id = ended.client_id AND epochs.subject = ended.subject AND epochs.matters_until < ended.last
  )`;

/** The first of the stale sessions of these subjects. */
const closeOfSubjects = statement(
  'session.closeStale',
  `WITH stale AS MATERIALIZED (
    SELECT session.client_id, session.session_id
    FROM unnest($1::text[], $2::text[]) AS asked (client_id, subject)
    CROSS JOIN LATERAL (
      SELECT client_id, session_id FROM sessions named
      WHERE named.client_id = ANY (ARRAY[asked.client_id]) AND named.subject = ANY (ARRAY[asked.subject])
        AND named.closed_at IS NULL AND named.expires_at > now() AND named.epoch < ${leastEpoch('named')}
      LIMIT ${batch}
    ) session
    LIMIT ${batch}
  ),
  ${closeOf('SELECT * FROM stale', 'subject')}
  SELECT count(*)::int AS found FROM stale`,
);

/** A stretch of a client's open sessions, of which the stale ones are closed. */
const closeOfClient = statement(
  'session.closeStaleOfClient',
  `WITH stretch AS MATERIALIZED (
    SELECT named.client_id, named.session_id, named.subject, named.created_at,
           named.expires_at > now() AND named.client_epoch < ${leastClientEpoch('named')} AS is_stale
    FROM sessions named
    WHERE named.client_id = $1 AND named.closed_at IS NULL
      AND (named.subject, named.created_at, named.session_id) > ($2, $3::timestamptz, $4::uuid)
    ORDER BY named.subject, named.created_at, named.session_id LIMIT ${stretch}
  ),
  ${closeOf('SELECT * FROM stretch WHERE is_stale', `'${clientSubject}'`)}
  SELECT subject, created_at::text, session_id FROM stretch
  ORDER BY stretch.subject DESC, stretch.created_at DESC, stretch.session_id DESC LIMIT 1`,
);

const unsettled = statement(
  'session.unsettledEpochs',
  `SELECT client_id AS "clientId", nullif(subject, '${clientSubject}') AS subject, least_epoch AS least FROM epochs
  WHERE settled_at IS NULL AND raised_at < now() - interval '${settlesAfter}'
  ORDER BY raised_at LIMIT $1`,
);

const settle = statement(
  'session.settleEpochs',
  `UPDATE epochs SET settled_at = now()
  FROM unnest($1::text[], $2::text[], $3::int[]) AS seen (client_id, subject, least)
  WHERE epochs.client_id = seen.client_id AND epochs.subject = seen.subject AND epochs.least_epoch = seen.least`,
);

/** As long after it mattered as ended sessions are kept. */
const forget = statement(
  'session.forgetEpochs',
  `WITH forgettable AS (
    SELECT client_id, subject FROM epochs
    WHERE settled_at IS NOT NULL AND matters_until < now() - interval '7 days' AND subject <> '${clientSubject}'
    ORDER BY matters_until LIMIT $1 FOR UPDATE SKIP LOCKED
  ),
  forgotten AS (
    DELETE FROM epochs USING forgettable
    WHERE epochs.client_id = forgettable.client_id AND epochs.subject = forgettable.subject
    RETURNING 1
  )
  SELECT count(*)::int AS forgotten FROM forgotten`,
);

/** Before the first session of any client. */
const beginning = { subject: '', created_at: '-infinity', session_id: '00000000-0000-0000-0000-000000000000' };

/** The least epochs that hold, and the end of the sessions from before them. */
@Injectable()
export class EpochsStore {
  constructor(private readonly postgres: Postgres) {}

  /** Learns epochs; an earlier or known one changes nothing. From the commit on no session of before counts. */
  async raise(raised: readonly RaisedEpoch[]): Promise<void> {
    await this.postgres.query(raise, valuesOf(raised));
  }

  /**
   * Closes what no longer counts, so that lists, audit and whoever hears of closed sessions agree.
   *
   * @param most statements for each client that was suspended as a whole; what is left then waits for `settleSome`
   */
  async closeStale(raised: readonly RaisedEpoch[], most = Number.POSITIVE_INFINITY): Promise<void> {
    const subjects = raised.filter(({ subject }) => subject !== null);
    if (subjects.length > 0) await closeStaleOf(this.postgres, subjects);
    for (const { clientId, subject } of raised)
      if (subject === null) await closeStaleOfClient(this.postgres, clientId, most);
  }

  /**
   * Looks once more after epochs that were raised a while ago, and then never again.
   *
   * @param most epochs. @returns how many
   */
  async settleSome(most: number): Promise<number> {
    const raised = await this.postgres.query<RaisedEpoch & { clientId: string }>(unsettled, [most]);
    await this.closeStale(raised);
    if (raised.length > 0) await this.postgres.query(settle, valuesOf(raised));
    return raised.length;
  }

  /** Deletes at most `most` epochs of which nothing is left that they could end. @returns how many */
  async forget(most: number): Promise<number> {
    const [count] = await this.postgres.query<{ forgotten: number }>(forget, [most]);
    return count?.forgotten ?? 0;
  }
}

const valuesOf = (raised: readonly RaisedEpoch[]): unknown[] => [
  raised.map(({ clientId }) => clientId),
  raised.map(({ subject }) => subject ?? clientSubject),
  raised.map(({ least }) => least),
];

async function closeStaleOf(postgres: Queryable, raised: readonly RaisedEpoch[]): Promise<void> {
  const [clientIds, subjects] = valuesOf(raised);
  for (let found = batch; found === batch; ) {
    const [stale] = await postgres.query<{ found: number }>(closeOfSubjects, [clientIds, subjects]);
    found = stale?.found ?? 0;
  }
}

async function closeStaleOfClient(postgres: Queryable, clientId: string, most: number): Promise<void> {
  let last: typeof beginning | undefined = beginning;
  for (let done = 0; last && done < most; done += 1) {
    const { subject, created_at, session_id }: typeof beginning = last;
    [last] = await postgres.query<typeof beginning>(closeOfClient, [clientId, subject, created_at, session_id]);
  }
}
