import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { changedFields, givenFields, isNews, mostLinksOfASecond, ownerName, takenLinksAfter } from './identity.js';

const user = { claimsAsOf: 100, takenLinks: ['a', 'b'] };

describe('isNews', () => {
  it.each([
    [101, 'c', true],
    [101, 'a', true],
    [100, 'c', true],
    [100, 'a', false],
    [100, 'b', false],
    [99, 'c', false],
    [-1, 'c', false],
  ])('of a link of second %d with hash %s: %j', (asOf, hash, expected) => {
    expect(isNews({ asOf, hash }, user)).toBe(expected);
  });

  it('ends with the list of hashes', () => {
    const takenLinks = Array.from({ length: mostLinksOfASecond }, (_, n) => `${n}`);
    expect(isNews({ asOf: 100, hash: 'x' }, { claimsAsOf: 100, takenLinks })).toBe(false);
    expect(isNews({ asOf: 101, hash: 'x' }, { claimsAsOf: 100, takenLinks })).toBe(true);
  });

  it('takes each link at most once, whatever comes in between', () => {
    const links = fc.array(fc.record({ asOf: fc.nat(3), hash: fc.constantFrom('a', 'b', 'c', 'd') }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(links, (arrivals) => {
        let state = { claimsAsOf: 0, takenLinks: [] as string[] };
        const taken: string[] = [];
        for (const link of arrivals) {
          if (!isNews(link, state)) continue;
          taken.push(`${link.asOf}/${link.hash}`);
          state = { claimsAsOf: link.asOf, takenLinks: takenLinksAfter(link, state) };
        }
        expect(new Set(taken).size).toBe(taken.length);
        expect(taken).toEqual([...taken].sort((a, b) => Number(a.split('/')[0]) - Number(b.split('/')[0])));
      }),
    );
  });
});

describe('the names of fields', () => {
  const stored = { externalId: null, email: 'ann@example.com', username: 'Ann', locale: 'en' };
  const email = { address: 'ann@example.com', key: 'ann@example.com' };

  it.each([
    [{}, []],
    [{ username: 'Bob' }, ['username']],
    [{ email: 'Ann@example.com' }, ['email']],
    [{ locale: 'fr', username: 'Ann', email: 'x@example.com' }, ['email', 'locale']],
    [{ externalId: 'ann', locale: 'de' }, ['externalId', 'locale']],
  ])('that %j differ are %j', (difference, fields) => {
    expect(changedFields(stored, { ...stored, ...difference })).toEqual(fields);
  });

  it('that were given are told, absent and null ones are not', () => {
    expect(givenFields({ externalId: 'u', email, username: undefined })).toEqual(['externalId', 'email']);
    expect(givenFields({ externalId: null, locale: 'en' })).toEqual(['locale']);
  });
});

it('ownerName is no other user’s, even of one who is called like our id', () => {
  const userId = '01890000-0000-7000-8000-000000000000';
  expect(ownerName({ externalId: userId, userId: 'other' })).not.toBe(ownerName({ externalId: null, userId }));
});
