import { describe, expect, it } from '@jest/globals';
import { Briefly } from './briefly.js';

describe('what is remembered briefly', () => {
  it('is fetched once for all who ask at the time, and again when it is old', async () => {
    let fetched = 0;
    const known = new Briefly(1_000, async (key) => `${key}${++fetched}`);
    expect(await Promise.all([known.get('a', 0), known.get('a', 500), known.get('b', 500)])).toEqual([
      'a1',
      'a1',
      'b2',
    ]);
    expect(await known.get('a', 999)).toBe('a1');
    expect(await known.get('a', 1_000)).toBe('a3');
    expect(await known.again('a', 1_001)).toBe('a4');
    expect(await known.get('a', 1_002)).toBe('a4');
  });

  it('is never a failure', async () => {
    let fetched = 0;
    const known = new Briefly(1_000, async () => {
      if (++fetched === 1) throw new Error('down');
      return fetched;
    });
    await expect(known.get('a', 0)).rejects.toThrow('down');
    expect(await known.get('a', 1)).toBe(2);
  });
});
