import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { JwtService } from '@nestjs/jwt';
import { SignJWT } from 'jose';
import { parseCompactJwt } from '../domain/compact-jwt.js';
import { LinkKey } from './link-key.js';

const secret = 'a link secret as it is shown, 43 characters';
const key = new LinkKey('s1', secret, true, null);
const signed = (token: string): boolean => {
  const jwt = parseCompactJwt(token);
  return typeof jwt !== 'string' && key.signed(jwt);
};

describe('LinkKey', () => {
  it('takes what partners sign with the text of the secret', async () => {
    expect(signed(new JwtService().sign({ userId: 'u' }, { secret }))).toBe(true);
    const jose = new SignJWT({ userId: 'u' }).setProtectedHeader({ alg: 'HS256' });
    expect(signed(await jose.sign(new TextEncoder().encode(secret)))).toBe(true);
  });

  it('leaves times to our own rules', () => {
    const claims = { userId: 'u', exp: 1, nbf: 4_000_000_000 };
    expect(signed(new JwtService().sign(claims, { secret }))).toBe(true);
  });

  it('refuses another secret, another algorithm, and a changed token', () => {
    const good = new JwtService().sign({ userId: 'u' }, { secret });
    const [header, , signature] = good.split('.');
    const other = Buffer.from('{"userId":"v"}').toString('base64url');
    expect(signed(new JwtService().sign({ userId: 'u' }, { secret: `${secret}.` }))).toBe(false);
    expect(signed(new JwtService().sign({ userId: 'u' }, { secret, algorithm: 'HS512' }))).toBe(false);
    expect(signed(`${header}.${other}.${signature}`)).toBe(false);
    for (const length of [16, 31, 33]) {
      const cut = Buffer.concat([Buffer.from(signature ?? '', 'base64url'), Buffer.alloc(1)]).subarray(0, length);
      expect(signed(`${good.slice(0, good.lastIndexOf('.'))}.${cut.toString('base64url')}`)).toBe(false);
    }
    expect(signed(`${good.slice(0, good.lastIndexOf('.'))}.`)).toBe(false);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(signed(new JwtService().sign({ userId: 'u' }, { privateKey, algorithm: 'RS256' }))).toBe(false);
  });

  it('refuses a secret below 256 bits when it is loaded', () => {
    expect(() => new LinkKey('s1', 'x'.repeat(31), true, null)).toThrow('too short');
  });

  it('verifies until its end, and never again once the store said it ended', () => {
    expect(key.verifiesAt(Number.MAX_SAFE_INTEGER)).toBe(true);
    const ending = new LinkKey('s1', secret, true, 1000);
    expect([ending.verifiesAt(999), ending.verifiesAt(1000)]).toEqual([true, false]);
    expect(new LinkKey('s1', secret, false, 1000).verifiesAt(1)).toBe(false);
  });

  it('shows its secret to no printer', () => {
    expect(JSON.stringify(key)).not.toContain(secret);
  });
});
