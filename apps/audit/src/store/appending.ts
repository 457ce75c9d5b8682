import pg from 'pg';
import { arrayText } from '#postgres/array-text';
import { type Queryable, statement } from '#postgres/postgres';
import { chain, genesis, type Head, type NewLink } from '../domain/chain.js';
import type { Entry } from '../domain/entry.js';
import type { RememberedHeads } from './remembered-heads.js';

/** What is to be appended, in its order, by client. */
export type Wanted = ReadonlyMap<string, readonly Entry[]>;
/** Where the chains of clients end. */
export type Heads = ReadonlyMap<string, Head>;

/** New links of a client's chain, and where it has to end for them to fit. */
interface Extension {
  readonly clientId: string;
  readonly from: Head;
  readonly to: Head;
  readonly links: readonly NewLink[];
}

export function byClient(entries: readonly Entry[]): Wanted {
  const wanted = new Map<string, Entry[]>();
  for (const entry of entries) {
    const ofClient = wanted.get(entry.clientId);
    if (ofClient) ofClient.push(entry);
    else wanted.set(entry.clientId, [entry]);
  }
  return wanted;
}

/**
 * One statement in place of a transaction of five, and no look for facts that are recorded already: a batch that comes
 * for the first time, to chains that end as this process left them, needs neither, and nearly every batch is one.
 *
 * @returns where the chains end now; `null`: nothing was written, and `appendUnderLock` has to look
 */
export async function appendAsRemembered(
  queryable: Queryable,
  remembered: Pick<RememberedHeads, 'get'>,
  wanted: Wanted,
): Promise<Heads | null> {
  const extensions: Extension[] = [];
  for (const [clientId, entries] of wanted) {
    const head = remembered.get(clientId);
    if (!head) return null;
    extensions.push(extension(clientId, head, entries));
  }
  try {
    return (await write(queryable, extensions)) ? endsOf(extensions) : null;
  } catch (error) {
    if (isRecordedAlready(error)) return null;
    throw error;
  }
}

/**
 * Appends what is not recorded yet to wherever the chains end.
 *
 * @param tx a transaction: the heads stay locked until its end
 * @returns where the chains end then
 */
export async function appendUnderLock(tx: Queryable, wanted: Wanted): Promise<Heads> {
  const heads = await lockHeads(tx, [...wanted.keys()]);
  const recorded = await findRecordedOf(tx, wanted);
  const extensions: Extension[] = [];
  for (const [clientId, entries] of wanted) {
    const fresh = entries.filter(({ id }) => {
      const key = `${clientId} ${id}`;
      const isFresh = !recorded.has(key);
      recorded.add(key);
      return isFresh;
    });
    if (fresh.length > 0) extensions.push(extension(clientId, heads.get(clientId) ?? genesis, fresh));
  }
  if (!(await write(tx, extensions))) throw new Error('A locked chain cannot have grown');
  return new Map([...heads, ...endsOf(extensions)]);
}

function extension(clientId: string, from: Head, entries: readonly Entry[]): Extension {
  const links = chain(from, entries);
  const { seq, hash } = links.at(-1) ?? from;
  return { clientId, from, to: { seq, hash }, links };
}

const endsOf = (extensions: readonly Extension[]): Heads =>
  new Map(extensions.map(({ clientId, to }) => [clientId, to]));

const isRecordedAlready = (error: unknown) =>
  error instanceof pg.DatabaseError && error.code === '23505' && error.constraint === 'entries_fact';

/** @returns whether each chain ended where its links begin; else nothing is written */
async function write(queryable: Queryable, extensions: readonly Extension[]): Promise<boolean> {
  if (extensions.length === 0) return true;
  const links = extensions.flatMap((each) => each.links);
  const [done] = await queryable.query<{ moved: number }>(append, [
    arrayText(links, (link) => link.clientId),
    arrayText(links, (link) => link.seq),
    arrayText(links, (link) => link.id),
    arrayText(links, (link) => link.type),
    arrayText(links, (link) => link.subject),
    arrayText(links, (link) => link.at),
    arrayText(links, (link) => link.traceparent),
    `[${links.map((link) => link.bodyText).join(',')}]`,
    arrayText(links, (link) => link.previous),
    arrayText(links, (link) => link.hash),
    arrayText(extensions, ({ clientId }) => clientId),
    arrayText(extensions, ({ from }) => from.seq),
    arrayText(extensions, ({ from }) => from.hash),
    arrayText(extensions, ({ to }) => to.seq),
    arrayText(extensions, ({ to }) => to.hash),
  ]);
  return done?.moved === extensions.length;
}

export const columns = 'client_id, seq, fact_id, type, subject, at, traceparent, body, previous, hash';

/**
 * All or none: who waited for another replica's append finds the head moved on, counts one too few, and writes nothing.
 * The heads are locked in one order, so batches of several replicas never deadlock.
 *
 * The bodies come as one text: as an array of texts each would be escaped and read twice, 2 µs of Postgres an entry.
 */
const append = statement(
  'audit.append',
  `WITH head AS MATERIALIZED (
     SELECT chains.client_id, given.to_seq, given.to_hash
     FROM unnest($11::text[], $12::bigint[], $13::bytea[], $14::bigint[], $15::bytea[])
       AS given (client_id, seq, hash, to_seq, to_hash)
     JOIN chains ON chains.client_id = given.client_id AND chains.seq = given.seq AND chains.hash = given.hash
     ORDER BY chains.client_id
     FOR NO KEY UPDATE OF chains
   ), appended AS (
     INSERT INTO entries (${columns})
     SELECT ${columns}
     FROM ROWS FROM (
       unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[]),
       jsonb_array_elements($8),
       unnest($9::bytea[], $10::bytea[])
     ) AS link (${columns})
     WHERE (SELECT count(*) FROM head) = cardinality($11)
   ), moved AS (
     UPDATE chains SET seq = head.to_seq, hash = head.to_hash FROM head
     WHERE chains.client_id = head.client_id AND (SELECT count(*) FROM head) = cardinality($11)
     RETURNING chains.client_id
   )
   SELECT count(*)::int AS moved FROM moved`,
);

// The update that changes nothing locks the head, also one that is made now; in the same order.
const lock = statement(
  'audit.lock_heads',
  `INSERT INTO chains (client_id, seq, hash)
   SELECT client_id, 0, $2 FROM unnest($1::text[]) AS client_id ORDER BY client_id
   ON CONFLICT (client_id) DO UPDATE SET seq = chains.seq
   RETURNING client_id, seq, hash`,
);

async function lockHeads(tx: Queryable, clients: readonly string[]): Promise<Heads> {
  const rows = await tx.query<{ client_id: string; seq: string; hash: Buffer }>(lock, [clients, genesis.hash]);
  return new Map(rows.map((row) => [row.client_id, { seq: Number(row.seq), hash: row.hash }]));
}

/**
 * A statement of its own: under the lock, so that its snapshot sees what the previous holder wrote. Asked by the fact
 * alone it has one index to go by, whatever was in the table when it was planned; the client is compared afterwards.
 */
export const findRecorded = statement(
  'audit.find_recorded',
  `SELECT asked.client_id, asked.fact_id
   FROM unnest($1::text[], $2::text[]) AS asked (client_id, fact_id)
   CROSS JOIN LATERAL (
     SELECT client_id FROM entries WHERE entries.fact_id = asked.fact_id OFFSET 0
   ) AS recorded
   WHERE recorded.client_id = asked.client_id`,
);

async function findRecordedOf(tx: Queryable, wanted: Wanted): Promise<Set<string>> {
  const entries = [...wanted.values()].flat();
  const rows = await tx.query<{ client_id: string; fact_id: string }>(findRecorded, [
    entries.map((entry) => entry.clientId),
    entries.map((entry) => entry.id),
  ]);
  return new Set(rows.map((row) => `${row.client_id} ${row.fact_id}`));
}
