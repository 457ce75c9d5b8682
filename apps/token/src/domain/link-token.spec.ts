import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { leewaySeconds, readLinkToken } from './link-token.js';

const now = 1_800_000_000;
const maxAge = 3600;
const fresh = { userId: 'user-1', iat: now, exp: now + 300 };
const read = (claims: object) => readLinkToken(new Map(Object.entries(claims)), now, maxAge);
const readJson = (json: string) => read(JSON.parse(json));

describe('the life of a link', () => {
  it.each([
    ['iat and exp', { iat: now, exp: now + 300 }, { asOf: now, expiresAt: now + 300 }],
    ['iat alone: what jsonwebtoken makes', { iat: now - 5 }, { asOf: now - 5, expiresAt: now - 5 + maxAge }],
    ['exp alone', { exp: now + 300 }, { asOf: now + 300 - maxAge, expiresAt: now + 300 }],
    ['exp: null counts as absent', { iat: now, exp: null }, { asOf: now, expiresAt: now + maxAge }],
    ['the longest life', { iat: now, exp: now + maxAge }, { asOf: now, expiresAt: now + maxAge }],
    ['a clock that is ahead by the leeway', { iat: now + 30, exp: now + 60 }, { asOf: now + 30, expiresAt: now + 60 }],
    ['exp within the leeway', { iat: now - 100, exp: now - 29 }, { asOf: now - 100, expiresAt: now - 29 }],
    ['nbf within the leeway', { iat: now, exp: now + 9, nbf: now + 30 }, { asOf: now, expiresAt: now + 9 }],
    ['exp alone by a clock ahead', { exp: now + maxAge + 30 }, { asOf: now + 30, expiresAt: now + maxAge + 30 }],
  ])('takes %s', (_, times, life) => {
    expect(read({ userId: 'u', ...times })).toMatchObject(life);
  });

  it.each([
    ['neither exp nor iat', {}, 'no_expiry'],
    ['nbf alone', { nbf: now - 1 }, 'no_expiry'],
    ['exp at the leeway', { iat: now - 100, exp: now - leewaySeconds }, 'expired'],
    ['exp long ago', { exp: 1 }, 'expired'],
    ['a negative exp', { exp: -1 }, 'expired'],
    ['iat alone, too old', { iat: now - maxAge - leewaySeconds }, 'expired'],
    ['iat in the future', { iat: now + 31, exp: now + 60 }, 'not_yet_valid'],
    ['nbf in the future', { iat: now, exp: now + 60, nbf: now + 31 }, 'not_yet_valid'],
    ['one second too long', { iat: now, exp: now + maxAge + 1 }, 'lifetime'],
    ['an old iat with a far exp', { iat: now - maxAge, exp: now + 60 }, 'lifetime'],
    ['exp alone, too far', { exp: now + maxAge + leewaySeconds + 1 }, 'lifetime'],
    ['exp in milliseconds', { iat: now, exp: now * 1000 }, 'lifetime'],
    ['exp as a string', { exp: String(now + 60) }, 'claims'],
    ['a fraction', { exp: now + 0.5 }, 'claims'],
    ['iat as a string', { iat: String(now), exp: now + 60 }, 'claims'],
    ['nbf as an object', { nbf: {}, exp: now + 60 }, 'claims'],
    ['exp as true', { exp: true }, 'claims'],
  ])('refuses %s', (_, times, reason) => {
    expect(read({ userId: 'u', ...times })).toBe(reason);
  });

  it.each(['{"userId":"u","exp":1e999}', '{"userId":"u","exp":-1e999}', '{"userId":"u","iat":1e999}'])(
    'refuses %s',
    (json) => {
      expect(readJson(json)).toBe('claims');
    },
  );

  it('never lets a link live longer than its client allows, nor past its own end', () => {
    const time = fc.option(fc.integer({ min: now - 2 * maxAge, max: now + 2 * maxAge }), { nil: undefined });
    fc.assert(
      fc.property(time, time, (iat, exp) => {
        const link = read({ userId: 'u', ...(iat !== undefined && { iat }), ...(exp !== undefined && { exp }) });
        if (typeof link === 'string') return;
        expect(link.expiresAt).toBeGreaterThan(now - leewaySeconds);
        expect(link.expiresAt).toBeLessThanOrEqual(now + leewaySeconds + maxAge);
        expect(link.expiresAt - link.asOf).toBeLessThanOrEqual(maxAge);
        if (exp !== undefined) expect(link.expiresAt).toBe(exp);
      }),
    );
  });
});

describe('the user of a link', () => {
  const userOf = (claims: object) => {
    const link = read({ ...fresh, ...claims });
    return typeof link === 'string' ? link : link.claims;
  };

  it('keeps exactly the claims of the protocol', () => {
    const claims = { email: 'a@example.com', locale: 'fr', username: 'Ada', anonymousAccountId: 'anon' };
    expect(userOf({ ...claims, role: 'admin', isAdmin: true, tenant: 'other', id: 1 })).toEqual({
      externalId: 'user-1',
      ...claims,
    });
  });

  it('takes null as absent, and says nothing about what is absent', () => {
    expect(userOf({ email: null, locale: null, username: null, anonymousAccountId: null, jti: null })).toEqual({
      externalId: 'user-1',
    });
  });

  it.each(['en', 'fr', 'pt-BR', 'zh-Hant-TW', 'sr-Latn'])('takes the locale %s', (locale) => {
    expect(userOf({ locale })).toMatchObject({ locale });
  });
  it.each([
    ['en_US', 'en-US'],
    ['EN-us', 'en-US'],
    ['zh_hant_tw', 'zh-Hant-TW'],
  ])('writes the locale %s as %s', (given, locale) => {
    expect(userOf({ locale: given })).toMatchObject({ locale });
  });

  it.each([
    ['code points, not units', '𝒳'.repeat(128)],
    ['a single character', 'u'],
    ['composed and decomposed stay apart', 'e\u0301'],
  ])('takes a userId: %s', (_, userId) => {
    expect(userOf({ userId })).toEqual({ externalId: userId });
  });

  it.each([
    'a@example.com',
    'A.B+tag@Example.COM',
    "o'hara@sub.example.co.uk",
    'jürgen@müller.example',
    '用户@例子.广告',
  ])('takes the e-mail %s unchanged', (email) => {
    expect(userOf({ email })).toMatchObject({ email });
  });

  it.each<[string, object]>([
    ['no userId', { userId: undefined }],
    ['userId null', { userId: null }],
    ['an empty userId', { userId: '' }],
    ['a numeric userId', { userId: 42 }],
    ['a userId that is an object', { userId: { $ne: '' } }],
    ['a userId of 129 characters', { userId: 'x'.repeat(129) }],
    ['a lone surrogate', { userId: 'a\ud800' }],
    ['a control character', { userId: 'a\u0000b' }],
    ['a line break in the username', { username: 'a\nb' }],
    ['a C1 control', { username: 'a\u0085' }],
    ['an empty username', { username: '' }],
    ['a long username', { username: 'x'.repeat(129) }],
    ['a username that is no string', { username: ['a'] }],
    ['an empty locale', { locale: '' }],
    ['a locale that is none', { locale: 'not a locale' }],
    ['a locale with a path', { locale: '../en' }],
    ['a locale that is no string', { locale: 1 }],
    ['a long locale', { locale: `en-x-${'a1b2c3d4-'.repeat(4)}x` }],
    ['a jti that is no string', { jti: 7 }],
    ['an empty jti', { jti: '' }],
    ['a long jti', { jti: 'x'.repeat(129) }],
    ...[
      '',
      'a',
      '@',
      'a@',
      '@example.com',
      'a@b@example.com',
      'a b@example.com',
      'a@example.com\n',
      'a..b@example.com',
      '.a@example.com',
      'a.@example.com',
      '"a"@example.com',
      'a@example',
      'a@-example.com',
      'a@example..com',
      'a@example.com.',
      'a@[127.0.0.1]',
      'a@127.0.0.1',
      'a@example.com:80',
      'a@example.com/x',
      'a@exa%6dple.com',
      'a\u202e@example.com',
      'a\u200b@example.com',
      'a<b>@example.com',
      `${'x'.repeat(65)}@example.com`,
      `a@${'x'.repeat(64)}.com`,
      `a@${'x.'.repeat(130)}com`,
      'x@placeholder.invalid',
      'x@PLACEHOLDER.Invalid',
      'x@ｉｎｖａｌｉｄ.ｉｎｖａｌｉｄ',
    ].map((email): [string, object] => [`the e-mail ${JSON.stringify(email).slice(0, 40)}`, { email }]),
    ['an e-mail that is no string', { email: ['a@example.com'] }],
  ])('refuses %s', (_, claims) => {
    expect(userOf(claims)).toBe('claims');
  });

  it.each([7, '', 'x'.repeat(129), 'a\u0000', {}])(
    'signs in with the malformed handle %j, which names nobody',
    (handle) => {
      expect(userOf({ anonymousAccountId: handle })).toEqual({ externalId: 'user-1', anonymousAccountId: '' });
    },
  );
});
