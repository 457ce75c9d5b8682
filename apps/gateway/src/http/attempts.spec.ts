import { describe, expect, it } from '@jest/globals';
import { supportId } from '#contracts/ids';
import { newSupportId } from './attempts.js';

describe('a support id', () => {
  it('has the form the contracts ask for, and is another one each time', () => {
    const ids = Array.from({ length: 1000 }, () => newSupportId());
    for (const id of ids) expect(supportId.safeParse(id).success).toBe(true);
    expect(new Set(ids).size).toBe(1000);
  });

  it('passes over bytes that would favour some characters', () => {
    const bytes = [255, 252, 251, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    expect(newSupportId(() => Buffer.from(bytes))).toBe('z012345678');
  });
});
