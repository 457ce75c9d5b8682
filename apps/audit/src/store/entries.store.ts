import { Injectable } from '@nestjs/common';
import { Postgres, type Queryable, statement } from '#postgres/postgres';
import { chain, genesis, type Head, type Link } from '../domain/chain.js';
import type { Entry } from '../domain/entry.js';

export interface Filter {
  readonly clientId?: string | undefined;
  readonly type?: string | undefined;
  readonly userId?: string | undefined;
  readonly support?: string | undefined;
  readonly traceId?: string | undefined;
}

/** Where a page ended. */
export interface Place {
  readonly at: string;
  readonly seq: number;
  readonly clientId: string;
}

/** What the database says the chain of a client is. */
export interface Extent {
  readonly head: Head;
  /** The highest number among the entries themselves; equals `head.seq` unless somebody tampered. */
  readonly highest: number;
}

@Injectable()
export class EntriesStore {
  constructor(private readonly postgres: Postgres) {}

  /**
   * Appends the entries whose facts are not recorded yet, in the order given, to the chains of their clients: all or
   * none, once each however often and from wherever they arrive.
   */
  append(entries: readonly Entry[]): Promise<void> {
    return this.postgres.transaction(async (tx) => {
      const heads = await lockHeads(tx, entries);
      const fresh = await unrecorded(tx, entries);
      const links = [...heads].flatMap(([clientId, head]) => chain(head, fresh.get(clientId) ?? []));
      if (links.length > 0) await write(tx, links);
    });
  }

  /** One page, newest first: along the chain within a client, by time across clients. */
  async page(filter: Filter, after: Place | null, limit: number): Promise<Link[]> {
    const { name, text, values } = pageQuery(filter, after);
    const rows = await this.postgres.query<EntryRow>(statement(name, text), [limit, ...values]);
    return rows.map(linkOf);
  }

  async extent(clientId: string): Promise<Extent> {
    const [row] = await this.postgres.query<ExtentRow>(readExtent, [clientId]);
    const head = row?.hash ? { seq: Number(row.seq), hash: row.hash } : genesis;
    return { head, highest: Number(row?.highest ?? 0) };
  }

  /** The next entries of a chain, oldest first, at most `limit`. */
  async following(clientId: string, seq: number, limit: number): Promise<Link[]> {
    const rows = await this.postgres.query<EntryRow>(readFollowing, [clientId, seq, limit]);
    return rows.map(linkOf);
  }
}

interface EntryRow {
  client_id: string;
  seq: string;
  fact_id: string;
  type: string;
  subject: string;
  at: Date;
  traceparent: string | null;
  body: Record<string, unknown>;
  previous: Buffer;
  hash: Buffer;
}

type ExtentRow = { seq: string | null; hash: Buffer | null; highest: string | null };

const columns = 'client_id, seq, fact_id, type, subject, at, traceparent, body, previous, hash';

const linkOf = (row: EntryRow): Link => ({
  clientId: row.client_id,
  seq: Number(row.seq),
  id: row.fact_id,
  type: row.type,
  subject: row.subject,
  at: row.at.toISOString(),
  traceparent: row.traceparent,
  body: row.body,
  previous: row.previous,
  hash: row.hash,
});

// The update that changes nothing locks the head; taken in one order, batches of several replicas never deadlock.
const lock = statement(
  'audit.lock_heads',
  `INSERT INTO chains (client_id, seq, hash)
   SELECT client_id, 0, $2 FROM unnest($1::text[]) AS client_id ORDER BY client_id
   ON CONFLICT (client_id) DO UPDATE SET seq = chains.seq
   RETURNING client_id, seq, hash`,
);

async function lockHeads(tx: Queryable, entries: readonly Entry[]): Promise<Map<string, Head>> {
  const clients = [...new Set(entries.map((entry) => entry.clientId))];
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

/** By client, each fact once. */
async function unrecorded(tx: Queryable, entries: readonly Entry[]): Promise<Map<string, Entry[]>> {
  const rows = await tx.query<{ client_id: string; fact_id: string }>(findRecorded, [
    entries.map((entry) => entry.clientId),
    entries.map((entry) => entry.id),
  ]);
  const seen = new Set(rows.map((row) => `${row.client_id} ${row.fact_id}`));
  const fresh = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = `${entry.clientId} ${entry.id}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const ofClient = fresh.get(entry.clientId);
    if (ofClient) ofClient.push(entry);
    else fresh.set(entry.clientId, [entry]);
  }
  return fresh;
}

const insertEntries = statement(
  'audit.append',
  `WITH appended AS (
     INSERT INTO entries (${columns})
     SELECT client_id, seq, fact_id, type, subject, at, traceparent, body, previous, hash
     FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
                 $8::jsonb[], $9::bytea[], $10::bytea[])
       AS link (client_id, seq, fact_id, type, subject, at, traceparent, body, previous, hash)
     RETURNING client_id, seq, hash
   ), heads AS (
     SELECT DISTINCT ON (client_id) client_id, seq, hash FROM appended ORDER BY client_id, seq DESC
   )
   UPDATE chains SET seq = heads.seq, hash = heads.hash FROM heads WHERE chains.client_id = heads.client_id`,
);

async function write(tx: Queryable, links: readonly Link[]): Promise<void> {
  await tx.query(insertEntries, [
    links.map((link) => link.clientId),
    links.map((link) => link.seq),
    links.map((link) => link.id),
    links.map((link) => link.type),
    links.map((link) => link.subject),
    links.map((link) => link.at),
    links.map((link) => link.traceparent),
    links.map((link) => JSON.stringify(link.body)),
    links.map((link) => link.previous),
    links.map((link) => link.hash),
  ]);
}

const readExtent = statement(
  'audit.extent',
  `SELECT chains.seq, chains.hash, (SELECT max(seq) FROM entries WHERE client_id = $1) AS highest
   FROM (SELECT $1::text AS client_id) AS asked LEFT JOIN chains USING (client_id)`,
);

const readFollowing = statement(
  'audit.following',
  `SELECT ${columns} FROM entries WHERE client_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
);

/** The own support id and those a counted row stands for; the expression of the index `entries_supports`. */
const supports = `(jsonb_path_query_array(body, '$.support') || jsonb_path_query_array(body, '$.supports[*]'))`;

/** A merge concerns both of its users. */
const concerns = (userId: string) =>
  `(body ->> 'userId' = ${userId} OR type = 'user.merged' AND body ->> 'from' = ${userId}
    OR type = 'user.merged' AND body ->> 'into' = ${userId})`;

/** One text per combination of filters, so that each keeps its own plan. `$1` is the limit. */
export function pageQuery(filter: Filter, after: Place | null): { name: string; text: string; values: unknown[] } {
  const { clientId, type, userId, support, traceId } = filter;
  const values: unknown[] = [];
  const given: string[] = [];
  const where: string[] = [];
  const bind = (value: unknown) => `$${values.push(value) + 1}`;
  const narrow = (name: string, condition: string) => {
    given.push(name);
    where.push(condition);
  };

  if (clientId !== undefined) narrow('client', `client_id = ${bind(clientId)}`);
  if (type !== undefined) narrow('type', `type = ${bind(type)}`);
  if (userId !== undefined) narrow('user', concerns(bind(userId)));
  if (traceId !== undefined) narrow('trace', `split_part(traceparent, '-', 2) = ${bind(traceId)}`);
  if (after !== null && clientId !== undefined) narrow('after', `seq < ${bind(after.seq)}`);
  if (after !== null && clientId === undefined) {
    narrow('after', `(at, seq, client_id) < (${bind(after.at)}, ${bind(after.seq)}, ${bind(after.clientId)})`);
  }

  // A support id is rare, which the planner does not know: behind OFFSET 0 it must look it up before it sorts.
  const from =
    support === undefined
      ? 'entries'
      : `(SELECT * FROM entries WHERE body ? 'support' AND ${supports} ? ${bind(support)} OFFSET 0) AS entries`;
  if (support !== undefined) given.push('support');

  const order = clientId === undefined ? 'at DESC, seq DESC, client_id DESC' : 'seq DESC';
  const condition = where.length > 0 ? `WHERE ${where.join(' AND ')}` : '';
  return {
    name: ['audit.page', ...given].join('.'),
    text: `SELECT ${columns} FROM ${from} ${condition} ORDER BY ${order} LIMIT $1`,
    values,
  };
}
