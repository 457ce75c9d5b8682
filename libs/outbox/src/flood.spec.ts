import { describe, expect, it } from '@jest/globals';
import { Flood } from './flood.js';

describe('Flood', () => {
  it('lets so many through a minute and address, and begins anew with the next minute', () => {
    const flood = new Flood(3, 10);
    const seen = [1, 2, 3, 4, 5].map(() => flood.exceeds('a', 1_000_000));
    expect(seen).toEqual([false, false, false, true, true]);
    expect(flood.exceeds('b', 1_000_001)).toBe(false);
    expect(flood.exceeds('a', 1_059_999)).toBe(true);
    expect(flood.exceeds('a', 1_060_000)).toBe(false);
  });

  it('holds a bounded number of addresses: a further one counts as flooding', () => {
    const flood = new Flood(3, 2);
    expect(['a', 'b', 'c', 'a'].map((address) => flood.exceeds(address, 1_000_000))).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });
});
