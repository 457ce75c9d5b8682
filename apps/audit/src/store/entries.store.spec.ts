import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { Postgres, statement } from '#postgres/postgres';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { firstBroken, genesis } from '../domain/chain.js';
import type { Entry } from '../domain/entry.js';
import { findRecorded } from './appending.js';
import { store } from './data-source.js';
import { EntriesStore, type Filter, pageQuery } from './entries.store.js';

let scratch: ScratchStore;
let entries: EntriesStore;
let made = 0;

beforeAll(async () => {
  scratch = await scratchStore(store);
  entries = new EntriesStore(scratch.postgres);
});

afterAll(() => scratch.drop());

function newClient(): string {
  made += 1;
  return `spec${made.toString().padStart(8, '0')}`;
}

const entry = (clientId: string, more: Partial<Entry> = {}): Entry => ({
  clientId,
  id: randomUUID(),
  type: 'session.opened',
  subject: 'session/1',
  at: '2026-01-31T12:00:00.000Z',
  traceparent: null,
  body: {},
  ...more,
});

const chainOf = (clientId: string) => entries.following(clientId, 0, 10_000);

describe('append', () => {
  it('looks for a fact by its own index, also by a plan made while nothing was recorded', async () => {
    const empty = await scratchStore(store);
    const plan = await empty.postgres.transaction(async (tx) => {
      await tx.query(statement('spec.generic', 'SET LOCAL plan_cache_mode = force_generic_plan'));
      await tx.query(statement('spec.prepare', `PREPARE recorded (text[], text[]) AS ${findRecorded.text}`));
      return tx.query(statement('spec.explain', `EXPLAIN EXECUTE recorded ('{client}', '{fact}')`));
    });
    await empty.drop();
    expect(JSON.stringify(plan)).toContain('entries_fact');
  });

  it('reads back what was written, chained from the first entry', async () => {
    const clientId = newClient();
    const written = [
      entry(clientId, {
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        body: { b: 1, a: [] },
      }),
      entry(clientId, { at: '2026-01-31T12:00:00.123Z', body: { list: [1.5, null, 'ü'] } }),
    ];
    await entries.append(written);
    const links = await chainOf(clientId);
    expect(links).toMatchObject(written);
    expect(firstBroken(genesis, links)).toBeNull();
    expect(await entries.extent(clientId)).toEqual({ head: { seq: 2, hash: links[1]?.hash }, highest: 2 });
  });

  it('keeps any JSON so that its hash can be recomputed from what is stored', async () => {
    const clientId = newClient();
    const body = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }));
    const samples = fc
      .sample(body, { numRuns: 300, seed: 1 })
      .filter((value) => !/\\u0000/.test(JSON.stringify(value)));
    const edges = [{ n: [1e21, 5e-324, 1.7976931348623157e308, -0, 1e-7, 0.1 + 0.2] }, { 2: 0, 10: 0, __proto__x: 1 }];
    await entries.append([...samples, ...edges].map((value) => entry(clientId, { body: value })));
    const links = await chainOf(clientId);
    expect(links.length).toBeGreaterThan(200);
    expect(firstBroken(genesis, links)).toBeNull();
  });

  it('writes a fact once: in one batch, again, and under another number', async () => {
    const clientId = newClient();
    const [one, two] = [entry(clientId), entry(clientId)];
    await entries.append([one, one]);
    await entries.append([two, one]);
    await entries.append([one, two]);
    expect((await chainOf(clientId)).map((link) => link.id)).toEqual([one.id, two.id]);
  });

  it('writes nothing for an empty batch, and no chain for nobody', async () => {
    await entries.append([]);
    expect(await entries.extent(newClient())).toEqual({ head: genesis, highest: 0 });
  });

  it('keeps one row of a fact that two replicas append 50 times at once', async () => {
    const clientId = newClient();
    const replica = new EntriesStore(new Postgres(scratch.pool));
    const same = entry(clientId);
    const tries = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => (n % 2 ? entries : replica).append([same])),
    );
    expect(tries.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(await chainOf(clientId)).toHaveLength(1);
  });

  it('keeps every chain gapless under 50 concurrent batches over new clients in any order', async () => {
    const clients = Array.from({ length: 5 }, newClient);
    const facts = clients.flatMap((clientId) => Array.from({ length: 40 }, () => entry(clientId)));
    const batches = Array.from({ length: 50 }, (_, n) => {
      const shuffled = facts.filter((_fact, place) => (place * 7 + n * 3) % 5 === 0);
      return n % 2 ? shuffled.reverse() : shuffled;
    });
    await Promise.all(batches.map((batch) => entries.append(batch)));
    for (const clientId of clients) {
      const links = await chainOf(clientId);
      expect(links).toHaveLength(40);
      expect(firstBroken(genesis, links)).toBeNull();
      expect((await entries.extent(clientId)).head.seq).toBe(40);
    }
  });

  describe('to a chain this process wrote to before', () => {
    const transactions = () => jest.spyOn(scratch.postgres, 'transaction');

    it('takes a single statement', async () => {
      const clients = [newClient(), newClient()];
      await entries.append(clients.map((clientId) => entry(clientId)));
      const spy = transactions();
      await entries.append(clients.flatMap((clientId) => [entry(clientId), entry(clientId)]));
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
      for (const clientId of clients) {
        const links = await chainOf(clientId);
        expect(links).toHaveLength(3);
        expect(firstBroken(genesis, links)).toBeNull();
        expect(await entries.extent(clientId)).toEqual({ head: { seq: 3, hash: links[2]?.hash }, highest: 3 });
      }
    });

    it('finds what another replica has appended since, and goes on behind it', async () => {
      const [one, two] = [newClient(), newClient()];
      const replica = new EntriesStore(scratch.postgres);
      const both = () => [entry(one), entry(two)];
      await entries.append(both());
      await replica.append([entry(two)]);
      await entries.append(both());
      await replica.append(both());
      expect(await chainOf(one)).toHaveLength(3);
      for (const clientId of [one, two]) expect(firstBroken(genesis, await chainOf(clientId))).toBeNull();
      expect((await entries.extent(two)).head.seq).toBe(4);
    });

    it('writes what is new of a batch that comes again', async () => {
      const clientId = newClient();
      const [one, two, three] = [entry(clientId), entry(clientId), entry(clientId)];
      await entries.append([one]);
      await entries.append([two]);
      await entries.append([one, two, three]);
      expect((await chainOf(clientId)).map((link) => link.id)).toEqual([one.id, two.id, three.id]);
    });

    it('notices a head that was set back', async () => {
      const clientId = newClient();
      await entries.append([entry(clientId)]);
      await scratch.dataSource.query(`UPDATE chains SET hash = '\\x00' WHERE client_id = $1`, [clientId]);
      await entries.append([entry(clientId)]);
      expect(firstBroken(genesis, await chainOf(clientId))).toBe(2);
    });
  });

  it('appends all or none', async () => {
    const clientId = newClient();
    await expect(
      entries.append([entry(clientId), entry(clientId, { at: '0000-01-01T00:00:00.000Z' })]),
    ).rejects.toThrow();
    expect(await chainOf(clientId)).toEqual([]);
    expect((await entries.extent(clientId)).head.seq).toBe(0);
  });
});

describe('the tables', () => {
  it.each([
    `UPDATE entries SET type = 'other'`,
    `UPDATE entries SET type = 'other' WHERE false`,
    `DELETE FROM entries`,
    `TRUNCATE entries`,
    `DELETE FROM chains`,
    `TRUNCATE chains`,
  ])('refuse %s', async (sql) => {
    await expect(scratch.dataSource.query(sql)).rejects.toThrow(/append-only/);
  });
});

describe('page', () => {
  const explained = async (filter: Filter) => {
    const { text, values } = pageQuery(filter, null);
    const plan = await scratch.dataSource.query(`EXPLAIN ${text}`, [50, ...values]);
    return JSON.stringify(plan);
  };

  it('looks up by index: a support id, a user, a trace, a type, a client, a time', async () => {
    const clientId = newClient();
    const traceOf = (n: number) => n.toString(16).padStart(32, '0');
    const filler = (n: number) =>
      entry(clientId, {
        type: `t${n % 90}`,
        traceparent: `00-${traceOf(n)}-00f067aa0ba902b7-01`,
        body: { userId: `u${n}`, support: `s${n}` },
      });
    for (let batch = 0; batch < 8; batch += 1) {
      await entries.append(Array.from({ length: 500 }, (_, n) => filler(batch * 500 + n)));
    }
    await scratch.dataSource.query('ANALYZE entries');
    expect(await explained({ support: 's7' })).toContain('entries_supports');
    expect(await explained({ support: 's7', clientId })).toContain('entries_supports');
    expect(await explained({ userId: 'u7' })).toContain('entries_user');
    expect(await explained({ traceId: traceOf(7) })).toContain('entries_trace');
    expect(await explained({ clientId, type: 't7' })).toContain('entries_type');
    expect(await explained({ clientId })).toContain('entries_pkey');
    expect(await explained({})).toContain('entries_at');
  });
});
