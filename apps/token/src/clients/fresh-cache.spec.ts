import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { FreshCache } from './fresh-cache.js';

/** A store whose loads are answered by hand, and a clock that is set by hand. */
function harness({ most = 10 } = {}) {
  const loads: { key: string; answer: (value: string | null) => void; fail: () => void }[] = [];
  const clock = { ms: 0 };
  const cache = new FreshCache<string>(
    (key) => new Promise((answer, fail) => loads.push({ key, answer, fail: () => fail(new Error('store is down')) })),
    { ttlMs: 3000, absentMs: 1000, most },
    () => clock.ms,
  );
  return { cache, loads, clock };
}

describe('FreshCache', () => {
  it('shares one load and believes it for its time, from the start of the load', async () => {
    const { cache, loads, clock } = harness();
    const both = Promise.all([cache.get('k'), cache.get('k')]);
    clock.ms = 10;
    loads[0]?.answer('v');
    expect(await both).toEqual(['v', 'v']);
    clock.ms = 2999;
    expect(await cache.get('k')).toBe('v');
    clock.ms = 3000;
    void cache.get('k');
    expect(loads).toHaveLength(2);
  });

  it('believes an absence for less long', async () => {
    const { cache, loads, clock } = harness();
    const first = cache.get('k');
    loads[0]?.answer(null);
    expect(await first).toBeNull();
    clock.ms = 999;
    expect(await cache.get('k')).toBeNull();
    clock.ms = 1000;
    void cache.get('k');
    expect(loads).toHaveLength(2);
  });

  it('takes a load that began after the caller for new enough, and no older one', async () => {
    const { cache, loads, clock } = harness();
    clock.ms = 5;
    void cache.get('k');
    loads[0]?.answer('old');
    void cache.newerThan(5, 'k');
    expect(loads).toHaveLength(1);
    const newer = cache.newerThan(6, 'k');
    await turn();
    clock.ms = 7;
    loads[1]?.answer('new');
    expect(await newer).toBe('new');
  });

  it('answers a hundred callers who want it newer with one load more, one at a time', async () => {
    const { cache, loads, clock } = harness();
    void cache.get('k');
    clock.ms = 1;
    const callers = Promise.all(Array.from({ length: 100 }, () => cache.newerThan(1, 'k')));
    await turn();
    expect(loads).toHaveLength(1);
    loads[0]?.answer('old');
    await turn();
    expect(loads).toHaveLength(2);
    loads[1]?.answer('new');
    expect(new Set(await callers)).toEqual(new Set(['new']));
  });

  it('does not keep a load that began before a change of our own', async () => {
    const { cache, loads } = harness();
    const before = cache.get('k');
    cache.drop('k');
    const after = cache.get('k');
    loads[1]?.answer('new');
    loads[0]?.answer('old');
    expect([await before, await after]).toEqual(['old', 'new']);
    expect(await cache.get('k')).toBe('new');
  });

  it('does not keep a failure', async () => {
    const { cache, loads } = harness();
    const failed = cache.get('k');
    loads[0]?.fail();
    await expect(failed).rejects.toThrow('store is down');
    const again = cache.get('k');
    loads[1]?.answer('v');
    expect(await again).toBe('v');
  });

  it('holds a bounded number of keys, the latest', async () => {
    const { cache, loads } = harness({ most: 2 });
    for (const key of ['a', 'b', 'c', 'c', 'b']) void cache.get(key);
    expect(loads.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
    void cache.get('a');
    expect(loads).toHaveLength(4);
  });
});
