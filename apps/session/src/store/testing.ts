// For specs only: the store on a real Postgres, twice, as two replicas have it.
import { randomBytes, randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { type FactType, facts } from '#contracts/fact';
import { poolOptions } from '#postgres/data-source';
import { Postgres } from '#postgres/postgres';
import { scratchStore } from '#postgres/testing';
import { store } from './data-source.js';
import { EpochsStore } from './epochs.store.js';
import type { Opened, Opening } from './opening.js';
import type { Refreshing } from './refreshing.js';
import { SessionsStore } from './sessions.store.js';

export interface StatedFact {
  readonly type: FactType;
  readonly subject: string;
  readonly traceparent: string | null;
  readonly body: Record<string, unknown>;
}

export async function twoReplicas() {
  const scratch = await scratchStore(store);
  const other = new Pool(poolOptions(scratch));
  const sql = <Row>(text: string, values: unknown[] = []): Promise<Row[]> => scratch.dataSource.query(text, values);

  /** Until so many statements of this schema wait for a lock. */
  async function waitingFor(count: number): Promise<void> {
    for (const until = Date.now() + 4000; Date.now() < until; ) {
      const [row] = await sql<{ waiting: number }>(
        `SELECT count(*)::int AS waiting FROM pg_stat_activity
         WHERE application_name = (SELECT current_setting('application_name')) AND wait_event_type = 'Lock'`,
      );
      if ((row?.waiting ?? 0) >= count) return;
    }
    throw new Error(`${count} statements never waited`);
  }

  return {
    postgres: scratch.postgres,
    dataSource: scratch.dataSource,
    one: new SessionsStore(scratch.postgres),
    two: new SessionsStore(new Postgres(other)),
    epochs: new EpochsStore(scratch.postgres),
    sql,
    /** What was stated about a client, in order; each body is held against its contract. */
    async facts(clientId: string, ...types: FactType[]): Promise<StatedFact[]> {
      const rows = await sql<StatedFact>(
        'SELECT type, subject, traceparent, body FROM outbox WHERE client_id = $1 ORDER BY position',
        [clientId],
      );
      for (const { type, body } of rows) facts[type].parse(body);
      return rows.filter(({ type }) => types.length === 0 || types.includes(type));
    },
    waitingFor,
    /** Begins something while a transaction that ran `text` is open, which ends once that waits for it. */
    async meanwhile<T>(text: string, values: unknown[], begin: () => Promise<T>): Promise<T> {
      const rival = scratch.dataSource.createQueryRunner();
      await rival.startTransaction();
      try {
        await rival.query(text, values);
        const begun = begin();
        await waitingFor(1);
        await rival.commitTransaction();
        return await begun;
      } finally {
        await rival.release();
      }
    },
    async end(): Promise<void> {
      await other.end();
      await scratch.drop();
    },
  };
}
export type Replicas = Awaited<ReturnType<typeof twoReplicas>>;

export const newClient = () => `c${randomBytes(8).toString('hex')}`;

const support = () => randomBytes(5).toString('hex');

/** A link's session, fenced by an origin of its own unless told otherwise. */
export const opening = (given: Partial<Opening> & { clientId: string }): Opening => ({
  sessionId: randomUUID(),
  subject: randomUUID(),
  epoch: 0,
  clientEpoch: null,
  protocol: 'api-link',
  scopes: [],
  origin: `link:${randomUUID()}`,
  originUntil: Math.floor(Date.now() / 1000) + 90_000,
  lifetimeSeconds: 900,
  parentId: null,
  app: null,
  mostPerSubject: null,
  macKey: 'k1',
  presented: null,
  switchUser: 'replace',
  link: { secretId: 'abcdefghijkl', callback: 'none' },
  support: support(),
  address: '0123456789abcdef0123456789abcdef',
  traceparent: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01',
  ...given,
});

/** A session with a refresh chain. */
export const chain = (given: Partial<Opening> & { clientId: string }): Opening =>
  opening({ protocol: 'client-auth', origin: null, originUntil: null, link: null, scopes: ['users.read'], ...given });

export async function opened(sessions: SessionsStore, row: Opening): Promise<Opened> {
  const answer = await sessions.open(row);
  if (answer.outcome !== 'opened') throw new Error(answer.outcome);
  return answer;
}

/** What hangs on another session, of the same subject. */
export const child = (parent: Opening, given: Partial<Opening> = {}): Opening => {
  const { clientId, sessionId, subject } = parent;
  return chain({ clientId, subject, parentId: sessionId, protocol: 'claim', ...given });
};

export const refreshing = (
  { clientId, sessionId }: { clientId: string; sessionId: string },
  generation: number,
  macKey = 'k1',
  given: Partial<Refreshing> = {},
): Refreshing => ({
  clientId,
  sessionId,
  generation,
  macKey,
  protocols: ['client-auth', 'claim'],
  app: null,
  address: 'fedcba9876543210',
  traceparent: null,
  ...given,
});
