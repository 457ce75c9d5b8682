import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { isOutdated, presentCost, readHash, writeHash } from './password-hash.js';

const fresh = { cost: presentCost, salt: randomBytes(16), digest: randomBytes(32) };

describe('what is kept of a password', () => {
  it('is a PHC string that says how it was made', () => {
    expect(writeHash(fresh)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(readHash(writeHash(fresh))).toEqual(fresh);
  });

  it.each([
    '',
    'password',
    writeHash(fresh).replace('argon2id', 'argon2i'),
    writeHash(fresh).replace('v=19', 'v=16'),
    writeHash(fresh).slice(0, 60),
    `${writeHash(fresh)}=`,
    ` ${writeHash(fresh)}`,
  ])('is not %j', (text) => {
    expect(() => readHash(text)).toThrow('no hash of ours');
  });

  it.each([
    [presentCost, false],
    [{ ...presentCost, memory: 9216 }, true],
    [{ ...presentCost, passes: 1 }, true],
    [{ ...presentCost, parallelism: 2 }, true],
  ])('at %j is outdated: %j', (cost, outdated) => {
    expect(isOutdated({ ...fresh, cost })).toBe(outdated);
  });
});
