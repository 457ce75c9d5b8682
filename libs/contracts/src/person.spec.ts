import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalLocale, normalEmail } from './person.js';

describe('the normal form of an e-mail', () => {
  it.each([
    ['ann@example.com', 'ann@example.com', 'ann@example.com'],
    ['  ann@example.com\n', 'ann@example.com', 'ann@example.com'],
    ['Ann@Example.COM', 'Ann@example.com', 'ann@example.com'],
    ['ann+news@example.com', 'ann+news@example.com', 'ann+news@example.com'],
    ['a.n.n@example.com', 'a.n.n@example.com', 'a.n.n@example.com'],
    ["o'neil@example.co.uk", "o'neil@example.co.uk", "o'neil@example.co.uk"],
    // decomposed and composed are one
    ['e\u0301va@example.com', '\u00e9va@example.com', '\u00e9va@example.com'],
    ['\u00c9va@example.com', '\u00c9va@example.com', '\u00e9va@example.com'],
    // case that lower case alone leaves apart
    ['stra\u00dfe@example.com', 'stra\u00dfe@example.com', 'strasse@example.com'],
    ['\u017fam@example.com', '\u017fam@example.com', 'sam@example.com'],
    ['\u03bf\u03c2@example.com', '\u03bf\u03c2@example.com', '\u03bf\u03c2@example.com'],
    ['\u03bf\u03c3@example.com', '\u03bf\u03c3@example.com', '\u03bf\u03c2@example.com'],
    // compatibility forms: full width, ligature
    ['\uff41nn@example.com', '\uff41nn@example.com', 'ann@example.com'],
    ['\ufb01n@example.com', '\ufb01n@example.com', 'fin@example.com'],
    // the domain by UTS 46
    ['ann@B\u00fccher.example', 'ann@xn--bcher-kva.example', 'ann@xn--bcher-kva.example'],
    ['ann@xn--bcher-kva.example', 'ann@xn--bcher-kva.example', 'ann@xn--bcher-kva.example'],
    ['ann@example\u3002com', null, null],
    ['ann@ex\uff41mple.com', 'ann@example.com', 'ann@example.com'],
  ])('of %j is %j, compared as %j', (text, address, key) => {
    expect(normalEmail(text)).toEqual(address === null ? null : { address, key });
  });

  it.each([
    '',
    '@',
    'ann',
    'ann@',
    '@example.com',
    'ann@localhost',
    'ann@127.0.0.1',
    'ann@2130706433',
    'ann@0x7f.1',
    'ann@[127.0.0.1]',
    'ann@example.com.',
    'ann@.example.com',
    'ann@exa_mple.com',
    'ann@-example.com',
    'ann@exam\u00adple..com',
    'a b@example.com',
    '.ann@example.com',
    'ann.@example.com',
    'a..n@example.com',
    '"ann"@example.com',
    'ann@bob@example.com',
    'ann\u0000@example.com',
    'ann\r\nbcc:bob@example.com',
    'ann\u202e@example.com',
    'ann\u200b@example.com',
    'ann\ud800@example.com',
    'ann@exam\ud800ple.com',
    `${'a'.repeat(65)}@example.com`,
    `ann@${'a'.repeat(64)}.com`,
    `ann@${'abcdefghi.'.repeat(26)}com`,
    'x'.repeat(100_000),
    'ann@placeholder.invalid',
    'ann@PLACEHOLDER.INVALID',
    'ann@placeholder.\u0131nvalid.invalid',
    'ann@anything.invalid',
    'ann@placeholder.inva\uff4cid',
  ])('is not %j', (text) => {
    expect(normalEmail(text)).toBeNull();
  });

  it('is its own normal form, under the same key', () => {
    const character = fc.constantFrom(
      ...'aZ\u00df\u00e9\u0301\u0130\u0131i\u017f\u03a3\u03c2\u212a\ufb01\uff41.+-\u4e2d',
    );
    const local = fc.array(character, { minLength: 1, maxLength: 12 }).map((characters) => characters.join(''));
    fc.assert(
      fc.property(local, fc.constantFrom('example.com', 'B\u00fccher.example'), (name, domain) => {
        const email = normalEmail(`${name}@${domain}`);
        fc.pre(email !== null);
        expect(normalEmail(email!.address)).toEqual(email);
      }),
    );
  });

  it('has one key for every spelling of the case', () => {
    const character = fc.constantFrom(...'aZ\u00df\u00e9\u017f\u03c3\u03c2\u212a\ufb01\uff41\u4e2d');
    const local = fc.array(character, { minLength: 1, maxLength: 12 }).map((characters) => characters.join(''));
    fc.assert(
      fc.property(local, (name) => {
        const key = normalEmail(`${name}@example.com`)?.key;
        expect(normalEmail(`${name.toUpperCase()}@example.com`)?.key).toBe(key);
        expect(normalEmail(`${name.toLowerCase()}@EXAMPLE.com`)?.key).toBe(key);
        expect(normalEmail(`${name.normalize('NFD')}@example.com`)?.key).toBe(key);
      }),
    );
  });

  it('takes a domain by its short way as by the long one, which capitals take', () => {
    const label = fc.oneof(
      fc.stringMatching(/^[a-z0-9-]{1,8}$/),
      fc.constantFrom('', 'xn--bcher-kva', 'xn--', 'invalid', '0x7f', '127', '1e3', 'com'),
    );
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), (labels) => {
        const domain = labels.join('.');
        expect(normalEmail(`ann@${domain}`)).toEqual(normalEmail(`ann@${domain.toUpperCase()}`));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the canonical form of a locale', () => {
  it.each([
    ['en', 'en'],
    ['en_US', 'en-US'],
    ['EN-us', 'en-US'],
    ['iw', 'he'],
    ['', null],
    ['not a locale', null],
    [`en-x-${'abcdefgh-'.repeat(5)}a`, null],
  ])('of %j is %j, also when it is asked again', (text, tag) => {
    expect(canonicalLocale(text)).toBe(tag);
    expect(canonicalLocale(text)).toBe(tag);
  });

  it('does not depend on how many others there are', () => {
    for (let n = 0; n < 1000; n += 1) canonicalLocale(`en-x-${n}`);
    expect(['en_US', 'en-x-0', 'en-x-999'].map(canonicalLocale)).toEqual(['en-US', 'en-x-0', 'en-x-999']);
  });
});
