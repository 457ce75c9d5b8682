import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient, QueryResultRow } from 'pg';
import { currentCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import { Breaker } from './breaker.js';
import { isSilence, judge, type Sent } from './failure.js';

/** A statement under a name: each connection parses and plans it once (stack.md, trap 8). */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/**
 * Names a statement. The text must be constant for the name: Postgres keeps the first it saw.
 *
 * @param name unique in the process, at most 63 bytes, e.g. `session.refresh`
 * @param text SQL with `$1` … parameters
 */
export function statement(name: string, text: string): Statement {
  return Object.freeze({ name, text });
}

/** Anything a statement can be sent to: the pool, or one transaction. */
export interface Queryable {
  /**
   * Runs a named statement and answers its rows.
   *
   * @throws Fault `service.unavailable` surely nothing happened, `service.silent` it may have happened;
   *   any other SQLSTATE stays pg's DatabaseError with its `code`
   */
  query<Row extends QueryResultRow = QueryResultRow>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
}

/** How a process stands with Postgres at the moment. */
export interface PoolState {
  /** Connections that work for somebody. */
  readonly inUse: number;
  readonly idle: number;
  /** Statements and transactions that wait for a connection. */
  readonly waiting: number;
  /** Postgres is silent: whatever comes is refused at once. */
  readonly shedding: boolean;
}

/** More than these waiting for a connection are refused at once: they would wait for longer than 100 ms. */
const maxWaiting = 1000;
const maxRetries = 3;

/** Hot-path SQL on the pool, within the `limits` of `data-source.ts`. */
export class Postgres implements Queryable {
  private readonly breaker = new Breaker();

  constructor(private readonly pool: Pool) {}

  get state(): PoolState {
    const { totalCount, idleCount: idle, waitingCount } = this.pool;
    // Whoever comes waits until the next tick, also for a connection that is idle.
    const waiting = Math.max(waitingCount - idle, 0);
    return { inUse: totalCount - idle, idle, waiting, shedding: this.breaker.isOpen };
  }

  /** A single statement: its own transaction. Serialization failures and deadlocks are tried again. */
  query<Row extends QueryResultRow>({ name, text }: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return persist(async () => {
      const client = await this.acquire();
      try {
        const { rows } = await client.query<Row>({ name, text, values: values as unknown[] });
        this.breaker.answered();
        release(client);
        return rows;
      } catch (error) {
        this.heard(error);
        const failure = judge(error, 'commit');
        release(client, failure.lost);
        throw failure.again ? new Again(failure.error) : failure.error;
      }
    });
  }

  /**
   * Runs `work` in one READ COMMITTED transaction, committed when it resolves and rolled back when it throws.
   *
   * After a serialization failure or a deadlock the whole of `work` runs again, so it must not touch anything else.
   * A statement of `work` that failed has ended the transaction: catching its error does not save it.
   *
   * @throws Fault `service.unavailable` surely rolled back, `service.silent` the COMMIT was sent and not answered
   */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return persist(async () => {
      const client = await this.acquire();
      const tx = new Transaction(client);
      try {
        await tx.begin();
        const result = await work(tx);
        refuseLate();
        await tx.commit();
        this.breaker.answered();
        release(client);
        return result;
      } catch (error) {
        this.heard(error);
        release(client, tx.lost || !(await tx.rolledBack()));
        throw tx.again ? new Again(error) : error;
      }
    });
  }

  private async acquire(): Promise<PoolClient> {
    if (this.pool.waitingCount >= maxWaiting) throw unavailable(new Error(`${maxWaiting} wait for a connection`));
    if (!this.breaker.admits(performance.now())) throw unavailable(new Error('Postgres is silent'));
    const client = await this.pool.connect().catch((cause: unknown) => {
      this.heard(cause);
      throw unavailable(cause);
    });
    client.on('error', ignore);
    try {
      refuseLate();
    } catch (error) {
      release(client);
      throw error;
    }
    return client;
  }

  private heard(error: unknown): void {
    if (isSilence(error)) this.breaker.silent(performance.now());
    else this.breaker.answered();
  }
}

class Transaction implements Queryable {
  lost = false;
  again = false;
  private over = false;

  constructor(private readonly client: PoolClient) {}

  async query<Row extends QueryResultRow>({ name, text }: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    if (this.over) throw new Error(`The transaction of ${name} is over`);
    try {
      const { rows } = await this.client.query<Row>({ name, text, values: values as unknown[] });
      return rows;
    } catch (error) {
      throw this.judged(error, 'before commit');
    }
  }

  async begin(): Promise<void> {
    await this.client.query('BEGIN').catch((error: unknown) => {
      throw this.judged(error, 'before commit');
    });
  }

  async commit(): Promise<void> {
    this.over = true;
    const { command } = await this.client.query('COMMIT').catch((error: unknown) => {
      throw this.judged(error, 'commit');
    });
    // Postgres answers the COMMIT of a failed transaction with ROLLBACK and no error.
    if (command === 'ROLLBACK') throw new Error('A statement had failed: nothing was committed');
  }

  async rolledBack(): Promise<boolean> {
    this.over = true;
    const answer = await this.client.query('ROLLBACK').catch(() => null);
    return answer !== null;
  }

  private judged(error: unknown, sent: Sent): unknown {
    const failure = judge(error, sent);
    this.lost ||= failure.lost;
    this.again ||= failure.again;
    return failure.error;
  }
}

/** Rolled back for a reason that may be gone the next time. */
class Again extends Error {
  constructor(override readonly cause: unknown) {
    super('Rolled back');
  }
}

async function persist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries += 1) {
    refuseLate();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Again)) throw error;
      if (retries === maxRetries) throw unavailable(error.cause);
      // Rivals that met in a deadlock should not meet again.
      await sleep(2 ** retries * (2 + Math.random() * 8));
    }
  }
}

/** Work whose caller has given up is not begun (state.md, "Deadlines"). */
function refuseLate(): void {
  const call = currentCall();
  if (call && call.deadline <= Date.now()) throw unavailable(new Error('The deadline has passed'));
}

function unavailable(cause: unknown): Fault {
  return new Fault('service.unavailable', { cause });
}

/** A lost connection fails its statement too; without a listener its `error` event would end the process. */
function ignore(): void {}

function release(client: PoolClient, lost = false): void {
  client.off('error', ignore);
  client.release(lost);
}
