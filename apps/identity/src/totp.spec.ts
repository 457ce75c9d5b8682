import { describe, expect, it } from '@jest/globals';
import { Secret, TOTP } from 'otpauth';
import { parseKeyRing } from '#secrets/key-ring';
import type { User } from './domain/identity.js';
import { Totp } from './totp.js';

const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString('base64')}`;
const totp = new Totp(parseKeyRing(key('k1', 1)));
const ann = { clientId: 'acme0001', userId: '01890000-0000-7000-8000-000000000000' };
const person = { ...ann, email: 'ann@example.com', emailKey: 'ann@example.com', username: 'Ann' } as User;

describe('a second factor', () => {
  // RFC 6238 appendix B, of whose eight digits the last six are ours
  const secret = Secret.fromLatin1('12345678901234567890').base32;
  const sealed = totp.seal(secret, ann);

  it.each([
    [59, '287082', 1],
    [1_111_111_109, '081804', 37_037_036],
    [1_111_111_111, '050471', 37_037_037],
    [1_234_567_890, '005924', 41_152_263],
    [2_000_000_000, '279037', 66_666_666],
    [20_000_000_000, '353130', 666_666_666],
  ])('has at second %d the code %s, of step %d', (second, code, step) => {
    expect(totp.stepOf(code, sealed, ann, second * 1000)).toBe(step);
    expect(totp.stepOf(code, sealed, ann, (second - 30) * 1000)).toBe(step);
    expect(totp.stepOf(code, sealed, ann, (second + 30) * 1000)).toBe(step);
    expect(totp.stepOf(code, sealed, ann, (second - 60) * 1000)).toBeNull();
    expect(totp.stepOf(code, sealed, ann, (second + 60) * 1000)).toBeNull();
  });

  it.each(['', '28708', '2870820', '94287082', ' 287082', '287082\n', '٢٨٧٠٨٢', '28708x', '000000'])(
    'never has the code %j',
    (code) => {
      expect(totp.stepOf(code, sealed, ann, 59_000)).toBeNull();
    },
  );

  it('is sealed, and opens for its own user only', () => {
    expect(sealed).not.toContain(secret);
    expect(() => totp.stepOf('287082', sealed, { ...ann, clientId: 'acme0002' }, 59_000)).toThrow();
    const rotated = new Totp(parseKeyRing(`${key('k2', 2)},${key('k1', 1)}`));
    expect(rotated.stepOf('287082', sealed, ann, 59_000)).toBe(1);
    expect(rotated.seal(secret, ann)).toMatch(/^k2\./);
  });

  it('has a secret of 160 bits, and a uri that authenticator apps read', () => {
    const own = totp.newSecret();
    expect(own).toMatch(/^[A-Z2-7]{32}$/);
    expect(totp.newSecret()).not.toBe(own);
    const uri = new URL(totp.uri(own, person));
    expect([uri.protocol, uri.host, decodeURIComponent(uri.pathname)]).toEqual([
      'otpauth:',
      'totp',
      '/Segue:ann@example.com',
    ]);
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: 'Segue',
      secret: own,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    });
    const placeholder = { ...person, email: 'x@placeholder.invalid', emailKey: null };
    expect(totp.uri(own, placeholder)).toContain('/Segue:Ann?');
  });

  it('is the one an authenticator app computes', () => {
    const own = totp.newSecret();
    const app = new TOTP({ secret: Secret.fromBase32(own) });
    const now = 1_700_000_000_000;
    expect(totp.stepOf(app.generate({ timestamp: now }), totp.seal(own, ann), ann, now)).toBe(
      Math.floor(now / 1000 / 30),
    );
  });
});
