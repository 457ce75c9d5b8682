import { Injectable } from '@nestjs/common';
import { Postgres, statement } from '#postgres/postgres';
import { genesis, type Head, type Link } from '../domain/chain.js';
import type { Entry } from '../domain/entry.js';
import { appendAsRemembered, appendUnderLock, byClient, columns } from './appending.js';
import { RememberedHeads } from './remembered-heads.js';

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
  private readonly heads = new RememberedHeads();

  constructor(private readonly postgres: Postgres) {}

  /**
   * Appends the entries whose facts are not recorded yet, in the order given, to the chains of their clients: all or
   * none, once each however often and from wherever they arrive.
   */
  async append(entries: readonly Entry[]): Promise<void> {
    const wanted = byClient(entries);
    const heads =
      (await appendAsRemembered(this.postgres, this.heads, wanted)) ??
      (await this.postgres.transaction((tx) => appendUnderLock(tx, wanted)));
    this.heads.remember(heads);
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
