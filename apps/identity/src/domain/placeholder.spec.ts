import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { normalEmail } from '#contracts/person';
import { placeholderEmail } from './placeholder.js';

describe('a placeholder', () => {
  it('has 128 random bits and is never taken as an e-mail', () => {
    expect(placeholderEmail(() => Buffer.alloc(16, 0xab))).toBe(`${'ab'.repeat(16)}@placeholder.invalid`);
    expect(placeholderEmail(randomBytes)).not.toBe(placeholderEmail(randomBytes));
    expect(normalEmail(placeholderEmail(randomBytes))).toBeNull();
  });
});
