import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cappedScopes, matches, newApiKey, readApiKey } from './api-key.js';

const { key, ...named } = newApiKey('private', 'acme0001', randomBytes);

describe('an API key', () => {
  it('names its kind, its client and itself, and ends with a checksum', () => {
    expect(key).toMatch(/^segue_sk_acme0001_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$/);
    expect(newApiKey('public', 'acme0001', randomBytes).key).toMatch(/^segue_pk_acme0001_/);
    expect(readApiKey(key)).toEqual(named);
  });

  it('is refused with any one character changed, without a look-up', () => {
    const typo = fc.record({ at: fc.nat(key.length - 1), by: fc.constantFrom(...'0aZ_x9') });
    fc.assert(
      fc.property(typo, ({ at, by }) => {
        fc.pre(key[at] !== by);
        expect(readApiKey(key.slice(0, at) + by + key.slice(at + 1))).toBeNull();
      }),
    );
  });

  it.each(['', 'segue_sk_', `${key} `, ` ${key}`, `${key}\n`, key.toUpperCase(), `${key}${key}`])(
    'is not %j',
    (text) => {
      expect(readApiKey(text)).toBeNull();
    },
  );

  it('matches its own digest and kind only', () => {
    const { digest } = named;
    expect(matches(named, { digest, kind: 'private' })).toBe(true);
    expect(matches(named, { digest, kind: 'public' })).toBe(false);
    expect(matches(named, { digest: randomBytes(32), kind: 'private' })).toBe(false);
    expect(matches(named, null)).toBe(false);
    expect(matches({ ...named, digest: Buffer.alloc(32) }, null)).toBe(false);
  });
});

describe('cappedScopes', () => {
  it.each<[string[], string[], string[]]>([
    [['a', 'b'], [], ['a', 'b']],
    [['a', 'b'], ['b', 'c'], ['b']],
    [['a'], ['b'], []],
  ])('%j under the cap %j are %j', (scopes, cap, left) => {
    expect(cappedScopes(scopes, cap)).toEqual(left);
  });
});
