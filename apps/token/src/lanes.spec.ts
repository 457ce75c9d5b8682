import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Lanes } from './lanes.js';

describe('Lanes', () => {
  it('lets so many of a kind run at a time, in their order, and kinds beside each other', async () => {
    const lanes = new Lanes(3);
    const running = { a: 0, b: 0 };
    const most = { a: 0, b: 0, both: 0 };
    const begun: number[] = [];
    const work = (kind: 'a' | 'b', n: number) =>
      lanes.run(kind, async () => {
        if (kind === 'a') begun.push(n);
        running[kind] += 1;
        most[kind] = Math.max(most[kind], running[kind]);
        most.both = Math.max(most.both, running.a + running.b);
        for (let i = 0; i <= n % 3; i += 1) await turn();
        running[kind] -= 1;
        return n;
      });
    const all = Array.from({ length: 40 }, (_, n) => work(n % 2 ? 'a' : 'b', n));
    expect(await Promise.all(all)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(most).toEqual({ a: 3, b: 3, both: 6 });
    expect(begun).toEqual(begun.toSorted((x, y) => x - y));
  });

  it('gives the place of what failed to the next', async () => {
    const lanes = new Lanes(1);
    const failing = lanes.run('a', () => Promise.reject(new Error('no')));
    const next = lanes.run('a', async () => 'yes');
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('yes');
    expect(await lanes.run('a', async () => 'again')).toBe('again');
  });
});
