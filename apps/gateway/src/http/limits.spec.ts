import { describe, expect, it } from '@jest/globals';
import { defaultLimits, parseLimits } from './limits.js';

describe('LIMITS', () => {
  it('keeps the defaults where nothing is said', () => {
    expect(parseLimits('')).toEqual(defaultLimits);
  });

  it('replaces the figures of one limit and nothing else', () => {
    const limits = parseLimits('link=5/10s, ');
    expect(limits.link).toEqual({ most: 5, windowMs: 10_000, guess: false });
    expect(limits.admin).toEqual(defaultLimits.admin);
  });

  it('reads a bare unit as one', () => {
    expect(parseLimits('admin=3/h').admin).toEqual({ most: 3, windowMs: 3_600_000, guess: true });
  });

  it.each(['lnik=5/1m', 'link=0/1m', 'link=5/0m', 'link=5', 'link=-1/1m', 'link=5/1w', '__proto__=1/1m'])(
    'refuses %s',
    (text) => {
      expect(() => parseLimits(text)).toThrow();
    },
  );
});
