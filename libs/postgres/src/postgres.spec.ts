import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg, { Pool } from 'pg';
import { newCall, withCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import { Secret } from '#env/secret';
import { poolOptions } from './data-source.js';
import { type Edge, edge } from './edge.support.js';
import { Postgres, statement } from './postgres.js';
import { type ScratchStore, scratchStore } from './testing.js';

let scratch: ScratchStore;
let postgres: Postgres;

beforeAll(async () => {
  scratch = await scratchStore({ entities: [], migrations: [] });
  postgres = scratch.postgres;
  await scratch.dataSource.query('CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL)');
  await scratch.dataSource.query('INSERT INTO account SELECT n, 0 FROM generate_series(1, 10) n');
});

afterAll(() => scratch.drop());

const backend = statement('spec.backend', 'SELECT pg_backend_pid() AS pid');
const balance = statement('spec.balance', 'SELECT balance FROM account WHERE id = $1');
const deposit = statement('spec.deposit', 'UPDATE account SET balance = balance + 1 WHERE id = $1');
const nap = statement('spec.nap', 'SELECT pg_sleep($1)');
const kill = statement('spec.kill', 'SELECT pg_terminate_backend($1)');

const balanceOf = async (id: number): Promise<number> =>
  (await postgres.query<{ balance: number }>(balance, [id]))[0]!.balance;

async function faultOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  return error instanceof Fault ? error.code : String(error);
}

describe('a statement', () => {
  it('is parsed once per connection, under its name', async () => {
    await postgres.transaction(async (tx) => {
      await tx.query(balance, [1]);
      await tx.query(balance, [2]);
      const prepared = statement('spec.prepared', 'SELECT name FROM pg_prepared_statements WHERE name = $1');
      expect(await tx.query(prepared, ['spec.balance'])).toEqual([{ name: 'spec.balance' }]);
    });
  });

  it('keeps its SQLSTATE when it fails, and the connection goes on', async () => {
    const before = await connections();
    const duplicate = postgres.query(statement('spec.duplicate', 'INSERT INTO account VALUES (1, 0)'));
    await expect(duplicate).rejects.toMatchObject({ code: '23505' });
    await expect(duplicate).rejects.toBeInstanceOf(pg.DatabaseError);
    expect(await connections()).toEqual(before);
  });

  it.each(['53100', '53200', '58030', '55P03', '25006'])(
    'that failed with %s has surely not happened',
    async (code) => {
      const raise = statement(
        `spec.raise_${code}`,
        `DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END $$`,
      );
      expect(await faultOf(postgres.query(raise))).toBe('service.unavailable');
    },
  );

  it('survives a migration that changes what its plan was made for', async () => {
    const all = statement('spec.stale', 'SELECT * FROM changing');
    await scratch.dataSource.query('CREATE TABLE changing (a int)');
    await Promise.all(Array.from({ length: 10 }, () => postgres.query(all)));
    await scratch.dataSource.query('ALTER TABLE changing ADD b int');
    await Promise.all(Array.from({ length: 10 }, () => expect(postgres.query(all)).resolves.toEqual([])));
  });

  it('is not executed once the deadline of its call has passed', async () => {
    const late = withCall(newCall(Date.now(), -1), () => postgres.query(deposit, [1]));
    expect(await faultOf(late)).toBe('service.unavailable');
    expect(await balanceOf(1)).toBe(0);
  });

  it('that takes too long is given up by Postgres first: nothing happened', async () => {
    const slow = statement('spec.slow', 'UPDATE account SET balance = 99 WHERE id = 2 AND pg_sleep(3) IS NOT NULL');
    expect(await faultOf(postgres.query(slow))).toBe('service.unavailable');
    expect(await balanceOf(2)).toBe(0);
  });

  it('whose connection is killed is unknown', async () => {
    const mine = statement('spec.victim', 'SELECT pg_sleep(1.5) AS victim');
    const killed = faultOf(postgres.query(mine));
    await untilRuns('%AS victim');
    expect(await killed).toBe('service.silent');
    expect(await faultOf(postgres.query(backend))).toBe('no error');

    async function untilRuns(text: string): Promise<void> {
      const find = statement(
        'spec.find_victim',
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE $1 AND wait_event = 'PgSleep'`,
      );
      while ((await postgres.query(find, [text])).length === 0);
    }
  });

  it('that would have to wait behind too many others is refused at once', async () => {
    const naps = Array.from({ length: 1100 }, () => faultOf(postgres.query(nap, [0.001])));
    const begun = performance.now();
    expect(await faultOf(postgres.query(backend))).toBe('service.unavailable');
    // Well before the second that a wait for a connection may take.
    expect(performance.now() - begun).toBeLessThan(500);
    const served = (await Promise.all(naps)).filter((fault) => fault === 'no error').length;
    // On a busy machine some of those that wait do so for their whole second.
    expect(served).toBeGreaterThan(500);
    expect(served).toBeLessThanOrEqual(1010);
  });

  const connections = async (): Promise<unknown[]> =>
    postgres.query(
      statement('spec.connections', 'SELECT pid FROM pg_stat_activity WHERE application_name = $1 ORDER BY pid'),
      [`segue-${scratch.schema}`],
    );
});

describe('a transaction', () => {
  it('is rolled back whole when its work throws', async () => {
    const work = postgres.transaction(async (tx) => {
      await tx.query(deposit, [3]);
      throw new Fault('user.missing');
    });
    expect(await faultOf(work)).toBe('user.missing');
    expect(await balanceOf(3)).toBe(0);
  });

  it('does not pretend to have committed when the error of a statement was caught', async () => {
    const work = postgres.transaction(async (tx) => {
      await tx.query(deposit, [3]);
      await tx.query(statement('spec.division', 'SELECT 1 / 0')).catch(() => {});
    });
    await expect(work).rejects.toThrow('nothing was committed');
    expect(await balanceOf(3)).toBe(0);
  });

  it('is not committed once the deadline of its call has passed', async () => {
    const late = withCall(newCall(Date.now(), 100), () =>
      postgres.transaction(async (tx) => {
        await tx.query(deposit, [3]);
        await tx.query(nap, [0.15]);
      }),
    );
    expect(await faultOf(late)).toBe('service.unavailable');
    expect(await balanceOf(3)).toBe(0);
  });

  it('runs again after a deadlock', async () => {
    // Well before a statement's own time-out, also on a busy machine.
    const noticeSoon = statement('spec.deadlock', `SET LOCAL deadlock_timeout = '100ms'`);
    const order = (first: number, second: number) => {
      let runs = 0;
      return postgres.transaction(async (tx) => {
        runs += 1;
        await tx.query(noticeSoon);
        await tx.query(deposit, [first]);
        if (runs === 1) await tx.query(nap, [0.2]);
        await tx.query(deposit, [second]);
        return runs;
      });
    };
    const runs = await Promise.all([order(4, 5), order(5, 4)]);
    expect(runs.toSorted()).toEqual([1, 2]);
    expect([await balanceOf(4), await balanceOf(5)]).toEqual([2, 2]);
  });

  it('gives up after three retries, and nothing happened', async () => {
    let runs = 0;
    const fail = statement('spec.fail', `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$`);
    const work = postgres.transaction(async (tx) => {
      runs += 1;
      await tx.query(fail);
    });
    expect(await faultOf(work)).toBe('service.unavailable');
    expect(runs).toBe(4);
  });

  it('that is killed before its COMMIT has surely not happened', async () => {
    const work = postgres.transaction(async (tx) => {
      await tx.query(deposit, [6]);
      const [mine] = await tx.query<{ pid: number }>(backend);
      await postgres.query(kill, [mine!.pid]);
      await tx.query(deposit, [6]);
    });
    expect(await faultOf(work)).toBe('service.unavailable');
    expect(await balanceOf(6)).toBe(0);
  });
});

describe('a connection that fails', () => {
  let wire: Edge;
  let pool: Pool;
  let behind: Postgres;

  beforeAll(async () => {
    wire = await edge(scratch.url.reveal());
    pool = new Pool(poolOptions({ schema: scratch.schema, url: new Secret(wire.url) })).on('error', () => {});
    behind = new Postgres(pool);
  });

  afterEach(() => wire.restore());

  afterAll(async () => {
    await pool.end();
    await wire.close();
  });

  it('to open: nothing happened, said within the second', async () => {
    wire.cut();
    await setTimeout(50);
    const begun = performance.now();
    expect(await faultOf(behind.query(deposit, [7]))).toBe('service.unavailable');
    expect(performance.now() - begun).toBeLessThan(1000);
  });

  it('by going silent: unknown after two seconds, and a new one takes its place', async () => {
    await behind.query(backend);
    wire.freeze();
    const begun = performance.now();
    expect(await faultOf(behind.query(deposit, [8]))).toBe('service.silent');
    expect(performance.now() - begun).toBeLessThan(2500);
    wire.restore();
    expect(await faultOf(behind.query(deposit, [8]))).toBe('no error');
  });

  it('by going silent under load: the rest is refused at once, until it answers again', async () => {
    await Promise.all(Array.from({ length: 10 }, () => behind.query(nap, [0.01])));
    wire.freeze();
    const first = await Promise.all(Array.from({ length: 10 }, () => faultOf(behind.query(deposit, [10]))));
    expect(new Set(first)).toEqual(new Set(['service.silent']));
    const begun = performance.now();
    const next = await Promise.all(Array.from({ length: 50 }, () => faultOf(behind.query(deposit, [10]))));
    expect(new Set(next)).toEqual(new Set(['service.unavailable']));
    expect(performance.now() - begun).toBeLessThan(250);
    wire.restore();
    while ((await faultOf(behind.query(backend))) !== 'no error') await setTimeout(20);
    expect(performance.now() - begun).toBeLessThan(2000);
    const again = await Promise.all(Array.from({ length: 50 }, () => faultOf(behind.query(backend))));
    expect(new Set(again)).toEqual(new Set(['no error']));
  });

  it('between COMMIT and its answer: unknown, though it did happen', async () => {
    wire.cutAfter('COMMIT');
    const work = behind.transaction((tx) => tx.query(deposit, [9]));
    expect(await faultOf(work)).toBe('service.silent');
    while ((await balanceOf(9)) === 0);
    expect(await balanceOf(9)).toBe(1);
  });
});
