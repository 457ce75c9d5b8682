import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseCompactJwt } from './compact-jwt.js';

const encode = (value: string | object) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const signature = Buffer.alloc(32, 7).toString('base64url');
const hs256 = { alg: 'HS256', typ: 'JWT' };
const token = (header: string | object = hs256, payload: string | object = { userId: 'u' }, sig = signature) =>
  `${encode(header)}.${encode(payload)}.${sig}`;

describe('parseCompactJwt', () => {
  it('reads a plain token and proves only its form', () => {
    const text = token({ ...hs256, kid: 'k1' });
    expect(parseCompactJwt(text)).toEqual({
      signingInput: text.slice(0, text.lastIndexOf('.')),
      signature: Buffer.alloc(32, 7),
      kid: 'k1',
      claims: new Map([['userId', 'u']]),
    });
  });

  it.each([
    'none',
    'None',
    'NONE',
    'nOnE',
    'hs256',
    'Hs256',
    'HS256 ',
    ' HS256',
    'HS256\u0000',
    'HS384',
    'HS512',
    'RS256',
    'PS256',
    'ES256',
    'ES256K',
    'EdDSA',
    'Ed25519',
    '',
    null,
    ['HS256'],
    { alg: 'HS256' },
    true,
    0,
  ])('refuses alg %j', (alg) => {
    expect(parseCompactJwt(token({ ...hs256, alg }))).toBe('algorithm');
  });

  it('refuses a header without alg', () => {
    expect(parseCompactJwt(token({ typ: 'JWT' }))).toBe('algorithm');
  });

  it.each([
    { crit: ['exp'] },
    { crit: [] },
    { b64: false, crit: ['b64'] },
    { b64: true },
    { jwk: { kty: 'oct', k: 'AA' } },
    { jku: 'https://attacker.example/jwks' },
    { x5u: 'https://attacker.example/cert' },
    { x5c: ['MIIB'] },
    { zip: 'DEF' },
    { enc: 'A128GCM' },
    { cty: 'JWT' },
    { Alg: 'HS256' },
    { typ: 'at+jwt' },
    { typ: 'sdk+jwt' },
    { typ: 1 },
    { kid: 1 },
    { kid: null },
    { kid: ['a'] },
  ])('refuses the header member %j', (member) => {
    expect(parseCompactJwt(token({ ...hs256, ...member }))).toBe('header');
  });

  it('refuses __proto__ in the header', () => {
    expect(parseCompactJwt(token('{"alg":"HS256","__proto__":{"kid":"x"}}'))).toBe('header');
  });

  it.each([{ alg: 'HS256' }, { alg: 'HS256', typ: 'jwt' }, { alg: 'HS256', kid: '../../dev/null' }])(
    'takes the header %j',
    (header) => {
      expect(parseCompactJwt(token(header))).toMatchObject({ kid: 'kid' in header ? header.kid : undefined });
    },
  );

  const good = token();
  const [header = '', payload = '', sig = ''] = good.split('.');
  it.each([
    ['nothing', ''],
    ['dots only', '..'],
    ['no signature (alg none)', `${header}.${payload}.`],
    ['no payload', `${header}..${sig}`],
    ['two segments', `${header}.${payload}`],
    ['four segments', `${good}.x`],
    ['five segments (JWE)', `${good}.x.x`],
    ['leading whitespace', ` ${good}`],
    ['trailing newline', `${good}\n`],
    ['whitespace inside', `${header}.${payload.slice(0, 4)} ${payload.slice(4)}.${sig}`],
    ['padding', `${header}.${payload}.${sig}=`],
    ['the base64 alphabet', `${header}.${encode({ a: '???>>>' }).replaceAll('-', '+').replaceAll('_', '/')}+.${sig}`],
    ['a foreign character', `${header}.${payload}?.${sig}`],
    ['non-zero trailing bits', `${header}.${payload}.${sig.slice(0, -1)}d`],
    ['JSON serialization', JSON.stringify({ protected: header, payload, signature: sig })],
    ['a header that is no object', token('"HS256"')],
    ['a header with a duplicate', token('{"alg":"none","alg":"HS256"}')],
    ['a header with a byte order mark', token(`\ufeff${JSON.stringify(hs256)}`)],
    ['claims with a duplicate', token(hs256, '{"userId":"a","userId":"b"}')],
    ['claims that are an array', token(hs256, '[]')],
    ['claims that are no JSON', token(hs256, 'userId=a')],
    ['a nested JWT', token(hs256, JSON.stringify(good))],
    ['claims too deep', token(hs256, '{"a":{"b":{"c":{"d":{}}}}}')],
    ['more than 8 KiB', token(hs256, { userId: 'u', pad: 'x'.repeat(8192) })],
  ])('refuses %s', (_, text) => {
    expect(parseCompactJwt(text)).toBe('malformed');
  });

  it('refuses a megabyte in under a millisecond', () => {
    const huge = `${header}.${'A'.repeat(1_000_000)}.${sig}`;
    const times = Array.from({ length: 10 }, () => {
      const started = performance.now();
      expect(parseCompactJwt(huge)).toBe('malformed');
      return performance.now() - started;
    });
    expect(Math.min(...times)).toBeLessThan(1);
  });

  it('reads a token in one spelling only', () => {
    const spelling = fc.record({
      at: fc.nat(good.length),
      insert: fc.constantFrom(' ', '=', '\n', '\t', '%', '+', '/'),
    });
    fc.assert(
      fc.property(spelling, ({ at, insert }) => {
        expect(parseCompactJwt(good.slice(0, at) + insert + good.slice(at))).toBe('malformed');
      }),
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(() => parseCompactJwt(`${encode(a)}.${encode(b)}.${a}`)).not.toThrow();
      }),
    );
  });
});
