import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import { Grouped } from './grouped.js';

/** Doubles what it is asked, and notes the groups; each is answered when `answer` is called. */
function doubling(most = 100) {
  const groups: (readonly number[])[] = [];
  const open: (() => void)[] = [];
  const grouped = new Grouped<number, number>({
    run: (items) => {
      groups.push(items);
      return new Promise((resolve) => open.push(() => resolve(items.map((item) => item * 2))));
    },
    most,
  });
  const answer = async (): Promise<void> => {
    await turn();
    open.shift()?.();
    await turn();
  };
  return { groups, answer, add: (...items: number[]) => Promise.all(items.map((item) => grouped.add(item))) };
}

const turn = () => new Promise(setImmediate);

describe('a group of commands', () => {
  it('is what one turn of the event loop asks, each with its own answer', async () => {
    const { groups, answer, add } = doubling();
    const [first, second] = [add(1, 2), Promise.resolve().then(() => add(3))];
    await answer();
    expect([await first, await second]).toEqual([[2, 4], [6]]);
    expect(groups).toEqual([[1, 2, 3]]);
  });

  it('goes alone; the next takes all that came meanwhile', async () => {
    const { groups, answer, add } = doubling();
    const first = add(1);
    await turn();
    const later = [add(2), turn().then(() => add(3))];
    await turn();
    await turn();
    expect(groups).toEqual([[1]]);
    await answer();
    await answer();
    expect([await first, ...(await Promise.all(later))]).toEqual([[2], [4], [6]]);
    expect(groups).toEqual([[1], [2, 3]]);
  });

  it('has an end', async () => {
    const { groups, answer, add } = doubling(2);
    const all = add(1, 2, 3, 4, 5);
    for (let group = 0; group < 3; group += 1) await answer();
    expect(await all).toEqual([2, 4, 6, 8, 10]);
    expect(groups).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('fails as one, and the next does not', async () => {
    let down = true;
    const run = async (items: readonly number[]) => {
      if (down) throw new Error('down');
      return items;
    };
    const grouped = new Grouped<number, number>({ run, most: 10 });
    const failed = await Promise.allSettled([grouped.add(1), grouped.add(2)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    down = false;
    expect(await grouped.add(3)).toBe(3);
    const short = new Grouped<number, number>({ run: async () => [], most: 10 });
    await expect(short.add(1)).rejects.toThrow('0 answers');
  });

  it('belongs to none of the calls in it, and gives each its own again', async () => {
    const call = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const grouped = new Grouped<string, string>({
      run: async (items) => {
        seen.push(call.getStore());
        return items;
      },
      most: 10,
    });
    const ask = (name: string) =>
      call.run(name, async () => {
        await grouped.add(name);
        return call.getStore();
      });
    expect(await Promise.all(['a', 'b'].map(ask))).toEqual(['a', 'b']);
    expect(seen).toEqual([undefined]);
  });
});
