import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newCall, withCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import { Grouped } from './grouped.js';
import { statement } from './postgres.js';
import { type ScratchStore, scratchStore } from './testing.js';

interface Visit {
  readonly id: number;
  readonly by: number;
}

let scratch: ScratchStore;

beforeAll(async () => {
  scratch = await scratchStore({ entities: [], migrations: [] });
  await scratch.dataSource.query('CREATE TABLE visits (id int PRIMARY KEY, count int NOT NULL CHECK (count < 100))');
});

afterEach(() => scratch.dataSource.query('TRUNCATE visits'));
afterAll(() => scratch.drop());

const upsert = statement(
  'spec.upsert',
  `INSERT INTO visits SELECT * FROM unnest($1::int[], $2::int[]) ORDER BY 1
   ON CONFLICT (id) DO UPDATE SET count = visits.count + excluded.count RETURNING id, count`,
);

/** Counts visits; `groups` tells how the rows were put together. */
function counter({ maxRows = 100, maxWaiting = 1000, before = async () => {} } = {}) {
  const groups: number[][] = [];
  let running = 0;
  let mostRunning = 0;
  const visits = new Grouped<Visit, number>({
    maxRows,
    maxWaiting,
    keys: ({ id }) => [String(id)],
    run: async (rows) => {
      groups.push(rows.map(({ id }) => id));
      mostRunning = Math.max(mostRunning, ++running);
      try {
        await before();
        const answers = await scratch.postgres.query<{ id: number; count: number }>(upsert, [
          rows.map(({ id }) => id),
          rows.map(({ by }) => by),
        ]);
        const counts = new Map(answers.map(({ id, count }) => [id, count]));
        return rows.map(({ id }) => counts.get(id)!);
      } finally {
        running -= 1;
      }
    },
  });
  return { visits, groups, mostRunning: () => mostRunning };
}

const codeOf = (result: PromiseSettledResult<unknown>): string =>
  result.status === 'fulfilled' ? 'no error' : String(result.reason.code);

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe('Grouped', () => {
  it('writes what one turn brings with one statement and answers each row its own', async () => {
    const { visits, groups } = counter();
    const ids = Array.from({ length: 50 }, (_, index) => index);
    expect(await Promise.all(ids.map((id) => visits.add({ id, by: id })))).toEqual(ids);
    expect(groups).toEqual([ids]);
  });

  it('has at most two statements under way, of at most maxRows rows', async () => {
    const { visits, groups, mostRunning } = counter({ maxRows: 10, before: () => wait(5) });
    await Promise.all(Array.from({ length: 100 }, (_, id) => visits.add({ id, by: 1 })));
    expect(mostRunning()).toBe(2);
    expect(groups.map(({ length }) => length)).toEqual(Array.from({ length: 10 }, () => 10));
  });

  it('lets what comes while a statement is under way gather for the next', async () => {
    const gate = Promise.withResolvers<void>();
    const { visits, groups } = counter({ before: () => gate.promise });
    const added = [visits.add({ id: 0, by: 1 })];
    for (let id = 1; id <= 5; id += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      added.push(visits.add({ id, by: 1 }));
    }
    gate.resolve();
    await Promise.all(added);
    expect(groups).toEqual([[0], [1, 2, 3, 4, 5]]);
  });

  it('lets one more group go beside a statement that is held up, and no third', async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let begun = 0;
    const { visits, groups } = counter({ before: () => gates[begun++]?.promise ?? Promise.resolve() });
    const first = visits.add({ id: 1, by: 1 });
    await wait(1);
    const second = visits.add({ id: 2, by: 1 });
    await wait(100);
    const third = visits.add({ id: 3, by: 1 });
    await wait(100);
    expect(groups).toEqual([[1], [2]]);
    gates[1]?.resolve();
    await second;
    await third;
    expect(groups).toEqual([[1], [2], [3]]);
    gates[0]?.resolve();
    expect(await first).toBe(1);
  });

  it('lets a group that is large enough go beside another at once', async () => {
    const gate = Promise.withResolvers<void>();
    const { visits, groups } = counter({ before: () => gate.promise });
    const added = [visits.add({ id: 0, by: 1 })];
    await new Promise((resolve) => setImmediate(resolve));
    for (let id = 1; id <= 64; id += 1) added.push(visits.add({ id, by: 1 }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(groups.map(({ length }) => length)).toEqual([1, 64]);
    gate.resolve();
    await Promise.all(added);
  });

  it('keeps rows with a common key apart and in the order they came', async () => {
    const { visits, groups } = counter();
    const added = [1, 2, 1, 1, 3, 2].map((id) => visits.add({ id, by: 1 }));
    expect(await Promise.all(added)).toEqual([1, 1, 2, 3, 1, 2]);
    expect(groups).toEqual([[1, 2, 3], [1, 2], [1]]);
  });

  it('counts every one of 50 concurrent writes to one row exactly once', async () => {
    const { visits } = counter();
    const counts = await Promise.all(Array.from({ length: 50 }, () => visits.add({ id: 1, by: 1 })));
    expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  });

  it('does not wait for itself when a row names a key twice', async () => {
    const twice = new Grouped<number, number>({
      maxRows: 10,
      maxWaiting: 10,
      keys: (row) => [`a${row}`, 'b', 'b'],
      run: async (rows) => rows,
    });
    expect(await Promise.all([twice.add(1), twice.add(2)])).toEqual([1, 2]);
  });

  it('fails the bad rows alone when the statement rolled back', async () => {
    const { visits } = counter();
    const bad = new Set([7, 23]);
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, id) => visits.add({ id, by: bad.has(id) ? 100 : 1 })),
    );
    const failed = results.flatMap((result, id) => (result.status === 'rejected' ? [id] : []));
    expect(failed).toEqual([7, 23]);
    expect(results.map(codeOf).filter((code) => code !== 'no error')).toEqual(['23514', '23514']);
    expect(await scratch.dataSource.query('SELECT count(*)::int, sum(count)::int FROM visits')).toEqual([
      { count: 38, sum: 38 },
    ]);
  });

  it('calls the whole group unknown when the connection is lost, and does not write it again', async () => {
    const slow = statement('spec.slow_group', 'SELECT pg_sleep(1.5), $1::int[] AS slow_group');
    let runs = 0;
    const doomed = new Grouped<number, number>({
      maxRows: 100,
      maxWaiting: 100,
      keys: () => [],
      run: async (rows) => {
        runs += 1;
        await scratch.postgres.query(slow, [rows]);
        return rows;
      },
    });
    const added = Promise.allSettled(Array.from({ length: 5 }, (_, row) => doomed.add(row)));
    const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE query LIKE '%AS slow_group' AND wait_event = 'PgSleep' AND application_name = 'segue-${scratch.schema}'`;
    while ((await scratch.dataSource.query(kill)).length === 0);
    expect((await added).map(codeOf)).toEqual(Array.from({ length: 5 }, () => 'service.silent'));
    expect(runs).toBe(1);
  });

  it('refuses with service.busy what exceeds the queue, and takes rows again afterwards', async () => {
    const { visits } = counter({ maxWaiting: 20 });
    const results = await Promise.allSettled(Array.from({ length: 25 }, (_, id) => visits.add({ id, by: 1 })));
    expect(results.map(codeOf)).toEqual([
      ...Array.from({ length: 20 }, () => 'no error'),
      ...Array.from({ length: 5 }, () => 'service.busy'),
    ]);
    expect(await visits.add({ id: 99, by: 1 })).toBe(1);
  });

  it('does not write a row whose caller has given up, and no deadline is that of the group', async () => {
    const { visits } = counter();
    const call = (budget: number) => newCall(Date.now(), budget);
    const [late, timely] = await Promise.allSettled([
      withCall(call(-1), () => visits.add({ id: 1, by: 1 })),
      withCall(call(5000), () => visits.add({ id: 2, by: 1 })),
    ]);
    expect([codeOf(late), codeOf(timely)]).toEqual(['service.unavailable', 'no error']);
    expect(await scratch.dataSource.query('SELECT id FROM visits')).toEqual([{ id: 2 }]);
  });

  it('retries a group that met another in a deadlock', async () => {
    const rival = async () => {
      await scratch.postgres.transaction(async (tx) => {
        await tx.query(statement('spec.lock_one', 'UPDATE visits SET count = count + 1 WHERE id = $1'), [2]);
        await wait(300);
        await tx.query(statement('spec.lock_one', 'UPDATE visits SET count = count + 1 WHERE id = $1'), [1]);
      });
    };
    const { visits } = counter();
    await Promise.all([visits.add({ id: 1, by: 1 }), visits.add({ id: 2, by: 1 })]);
    const rivalry = rival();
    await wait(100);
    const counts = await Promise.all([visits.add({ id: 1, by: 1 }), visits.add({ id: 2, by: 1 })]);
    await rivalry;
    expect(await scratch.dataSource.query('SELECT count FROM visits')).toEqual([{ count: 3 }, { count: 3 }]);
    expect(counts.every((count) => count >= 2)).toBe(true);
  });

  it('passes a Fault of the statement to every row', async () => {
    const closed = new Grouped<number, number>({
      maxRows: 10,
      maxWaiting: 10,
      keys: () => [],
      run: () => Promise.reject(new Fault('service.unavailable')),
    });
    const results = await Promise.allSettled([closed.add(1), closed.add(2)]);
    expect(results.map(codeOf)).toEqual(['service.unavailable', 'service.unavailable']);
  });
});
