import { type Queryable, type Statement, statement } from '#postgres/postgres';
import type { App, Session } from '../domain/session.js';
import { asked, type Columns, valuesOf } from './columns.js';
import { byKeys, leastClientEpoch, leastEpoch, live, type SessionRow, sessionFact } from './sql.js';

export interface Opening {
  readonly clientId: string;
  readonly sessionId: string;
  readonly subject: string;
  readonly epoch: number;
  /** The epoch its client had; `null` = was not looked at. */
  readonly clientEpoch: number | null;
  readonly protocol: Session['protocol'];
  readonly scopes: readonly string[];
  readonly origin: string | null;
  /** Seconds. */
  readonly originUntil: number | null;
  readonly lifetimeSeconds: number;
  /** The session it is to hang on. */
  readonly parentId: string | null;
  readonly app: App | null;
  /** So many live sessions of its protocol its subject keeps, this one among them; `null` = any number. */
  readonly mostPerSubject: number | null;
  /** The id of the MAC key its first refresh token is made with. */
  readonly macKey: string;
  /** The session whose valid cookie the browser came with. */
  readonly presented: string | null;
  readonly switchUser: 'confirm' | 'replace';
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
  /** Whether its subject may now have more sessions than `mostPerSubject`. */
  readonly crowded: boolean;
}

/** A column costs every row its way there, so each statement has those that it reads. */
const rootColumns: Columns<Opening> = {
  client_id: ['text', (row) => row.clientId],
  session_id: ['uuid', (row) => row.sessionId],
  subject: ['text', (row) => row.subject],
  epoch: ['int', (row) => row.epoch],
  client_epoch: ['int', (row) => row.clientEpoch],
  protocol: ['text', (row) => row.protocol],
  scopes: ['text', (row) => (row.scopes.length === 0 ? '[]' : JSON.stringify(row.scopes))],
  origin: ['text', (row) => row.origin],
  origin_until: ['float8', (row) => row.originUntil],
  lifetime: ['int', (row) => row.lifetimeSeconds],
  app_hash: ['bytea', (row) => row.app?.hash],
  app_named: ['boolean', (row) => row.app?.named],
  mac_key: ['text', (row) => row.macKey],
  support: ['text', (row) => (row.protocol === 'api-link' ? row.support : null)],
  link: ['text', (row) => (row.protocol === 'api-link' ? acceptedLink(row) : null)],
  traceparent: ['text', (row) => row.traceparent],
};

/** What the fact `link.accepted` says of a link itself. */
const acceptedLink = ({ support, address, link }: Opening) =>
  JSON.stringify({ support, address, secretId: link?.secretId ?? null, callback: link?.callback ?? null });

const fewColumns: Columns<Opening> = { ...rootColumns, most: ['int', (row) => row.mostPerSubject] };
const childColumns: Columns<Opening> = { ...rootColumns, parent_id: ['uuid', (row) => row.parentId] };

/** Rows that may wait for each other are inserted in one order everywhere, so that replicas cannot deadlock. */
export const openingOrder = (row: Opening) => `${row.clientId} ${row.origin ?? ''} ${row.sessionId}`;

/** What an opening gets: all it asks for, or no more than its parent has. */
interface Given {
  readonly columns: Columns<Opening>;
  /** The CTE of what is held meanwhile. */
  readonly held: string;
  readonly from: string;
  readonly epoch: string;
  readonly clientEpoch: string;
  readonly parentId: string;
  readonly scopes: string;
  readonly createdAt: string;
  readonly authTime: string;
  readonly expiresAt: string;
  /** What the answer needs and the opening does not say, of `opened` and `asked`. */
  readonly answer: string;
}

const askedClientEpoch = `coalesce(asked.client_epoch, ${leastClientEpoch('asked')})`;
const lifetime = 'make_interval(secs => asked.lifetime)';

const insertInto = (given: Given) => `WITH asked AS (SELECT * FROM ${asked(given.columns)}),
  ${given.held}
  opened AS (
    INSERT INTO sessions (client_id, session_id, subject, epoch, client_epoch, parent_id, protocol, scopes,
                          origin, origin_until, app_hash, app_named, mac_key, created_at, auth_time, expires_at)
    SELECT asked.client_id, asked.session_id, asked.subject, ${given.epoch}, ${given.clientEpoch}, ${given.parentId},
           asked.protocol, ${given.scopes}, asked.origin, to_timestamp(asked.origin_until),
           asked.app_hash, asked.app_named, asked.mac_key, ${given.createdAt}, ${given.authTime}, ${given.expiresAt}
    FROM ${given.from}
    WHERE asked.epoch >= ${leastEpoch('asked')} AND ${askedClientEpoch} >= ${leastClientEpoch('asked')}
    ORDER BY asked.position
    ON CONFLICT DO NOTHING
    RETURNING *
  ),
  stated AS (
    INSERT INTO outbox (client_id, type, subject, traceparent, body)
    SELECT client_id, fact.type, fact.subject, asked.traceparent, fact.body
    FROM opened JOIN asked USING (client_id, session_id) CROSS JOIN LATERAL (
      SELECT 'session.opened', 'session/' || session_id,
             jsonb_build_object(${sessionFact('opened')}, 'expiresAt',
               to_char(opened.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      UNION ALL
      SELECT 'link.accepted', 'link/' || asked.support,
             asked.link::jsonb || jsonb_build_object('userId', opened.subject, 'sessionId', session_id)
      WHERE asked.link IS NOT NULL
    ) AS fact (type, subject, body)
  )
  SELECT asked.position, ${given.answer}
  FROM opened JOIN asked USING (client_id, session_id)`;

const inCrowd = (row: string, other: string) =>
  ['client_id', 'subject', 'protocol'].map((column) => `${row}.${column} = ${other}.${column}`).join(' AND ');

const root = (begins: string) => ({
  epoch: 'asked.epoch',
  clientEpoch: askedClientEpoch,
  parentId: 'NULL::uuid',
  scopes: 'asked.scopes::jsonb',
  createdAt: begins,
  authTime: begins,
  expiresAt: `${begins} + ${lifetime}`,
});

const insertRoots = statement(
  'session.open',
  insertInto({ ...root('now()'), columns: rootColumns, held: '', from: 'asked', answer: 'opened.created_at' }),
);

/**
 * Whoever opens a session of which a subject has only so many holds the row of its crowd from here to the commit, and
 * reads the clock meanwhile: their sessions are as old as their order says. Was the row last held by somebody whom this
 * statement's snapshot does not know, then there may be sessions that it does not see.
 */
const insertFew = statement(
  'session.openFew',
  insertInto({
    ...root('crowd.last_at'),
    columns: fewColumns,
    held: `crowd AS (
    INSERT INTO crowds AS crowd (client_id, subject, protocol, last_at)
    SELECT client_id, subject, protocol, clock_timestamp() FROM asked
    ORDER BY client_id, subject, protocol
    ON CONFLICT (client_id, subject, protocol) DO UPDATE
      SET previous_at = crowd.last_at,
          last_at = greatest(clock_timestamp(), crowd.last_at + interval '1 microsecond')
    RETURNING *
  ),`,
    from: `asked JOIN crowd ON ${inCrowd('crowd', 'asked')}`,
    answer: `opened.created_at, (
    asked.most <= (SELECT count(*) FROM sessions other WHERE ${inCrowd('other', 'opened')} AND ${live('other')})
    OR EXISTS (SELECT FROM crowd WHERE ${inCrowd('crowd', 'opened')} AND crowd.previous_at IS DISTINCT FROM
               (SELECT seen.last_at FROM crowds seen WHERE ${inCrowd('seen', 'opened')}))) AS crowded`,
  }),
);

/**
 * Each parent is held while its child is inserted, so whoever closes it waits and then sees the child (state.md, "A
 * one-time token").
 */
const insertChildren = (wait: string) =>
  insertInto({
    columns: childColumns,
    held: `parents AS MATERIALIZED (
    SELECT asked.position, parent.epoch, parent.client_epoch, parent.scopes, parent.auth_time, parent.expires_at
    FROM asked CROSS JOIN LATERAL (
      SELECT * FROM sessions named WHERE ${byKeys('named', 'asked.client_id', 'asked.parent_id')}
      OFFSET 0 FOR SHARE ${wait}
    ) parent
    WHERE parent.subject = asked.subject AND ${live('parent')}
  ),`,
    from: 'asked JOIN parents parent ON parent.position = asked.position',
    epoch: 'least(asked.epoch, parent.epoch)',
    clientEpoch: `least(${askedClientEpoch}, parent.client_epoch)`,
    parentId: 'asked.parent_id',
    scopes: `(SELECT coalesce(jsonb_agg(scope ORDER BY place), '[]')
             FROM jsonb_array_elements_text(asked.scopes::jsonb) WITH ORDINALITY AS wanted (scope, place)
             WHERE parent.scopes ? scope)`,
    createdAt: 'now()',
    authTime: 'least(now(), parent.auth_time)',
    expiresAt: `least(now() + ${lifetime}, parent.expires_at)`,
    answer: 'opened.created_at, opened.auth_time, opened.expires_at, opened.scopes',
  });

const insertChild = statement('session.openChild', insertChildren(''));

/** Whoever holds some parents must not wait for others: closings go from parent to child, and the two would deadlock. */
const insertUnheldChildren = statement('session.openChildren', insertChildren('SKIP LOCKED'));

/** A child's end, age and scopes are its parent's business; all else of a session is as its opening asked. */
interface OpenedRow
  extends Pick<SessionRow, 'created_at'>,
    Partial<Pick<SessionRow, 'auth_time' | 'expires_at' | 'scopes'>> {
  readonly position: number;
  readonly crowded?: boolean;
}

interface Insertion {
  readonly inserting: Statement;
  readonly columns: Columns<Opening>;
}

const roots: Insertion = { inserting: insertRoots, columns: rootColumns };
const few: Insertion = { inserting: insertFew, columns: fewColumns };
const onlyChild: Insertion = { inserting: insertChild, columns: childColumns };
const children: Insertion = { inserting: insertUnheldChildren, columns: childColumns };

/** Inserts what can be inserted of openings without a parent, of any number. @returns in order; `null` for what was not */
export function insertAll(postgres: Queryable, rows: readonly Opening[]): Promise<(Opened | null)[]> {
  return insert(postgres, roots, rows);
}

/** The same for those of which a subject has only so many: no two of one subject and protocol. */
export function insertAllFew(postgres: Queryable, rows: readonly Opening[]): Promise<(Opened | null)[]> {
  return insert(postgres, few, rows);
}

/** The same for openings with one; several never wait for a parent that somebody else holds. */
export function insertAllBelow(postgres: Queryable, rows: readonly Opening[]): Promise<(Opened | null)[]> {
  return insert(postgres, rows.length === 1 ? onlyChild : children, rows);
}

/** Inserts one opening, of whatever kind. @returns `null` when something stood in its way */
export async function insertOne(postgres: Queryable, row: Opening): Promise<Opened | null> {
  const [opened = null] = await insert(postgres, insertionOf(row), [row]);
  return opened;
}

function insertionOf({ parentId, mostPerSubject }: Opening): Insertion {
  if (parentId !== null) return onlyChild;
  return mostPerSubject === null ? roots : few;
}

async function insert(
  postgres: Queryable,
  { inserting, columns }: Insertion,
  rows: readonly Opening[],
): Promise<(Opened | null)[]> {
  const answers = new Array<Opened | null>(rows.length).fill(null);
  for (const row of await postgres.query<OpenedRow>(inserting, valuesOf(columns, rows))) {
    const opening = rows[row.position - 1];
    if (opening) answers[row.position - 1] = openedAs(opening, row);
  }
  return answers;
}

function openedAs(opening: Opening, { created_at, auth_time, expires_at, scopes, crowded }: OpenedRow): Opened {
  const { clientId, sessionId, subject, protocol, lifetimeSeconds, macKey } = opening;
  const session: Session = {
    clientId,
    sessionId,
    subject,
    protocol,
    scopes: scopes ?? opening.scopes,
    createdAt: created_at,
    authenticatedAt: auth_time ?? created_at,
    expiresAt: expires_at ?? new Date(created_at.getTime() + lifetimeSeconds * 1000),
  };
  return { outcome: 'opened', session, macKey, crowded: crowded ?? false };
}
