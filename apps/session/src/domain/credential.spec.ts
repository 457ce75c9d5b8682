import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseKeyRing } from '#secrets/key-ring';
import { Credentials } from './credential.js';

const k1 = `k1:${randomBytes(32).toString('base64')}`;
const k2 = `key2:${randomBytes(32).toString('base64')}`;
const credentials = new Credentials(parseKeyRing(k1));

const clientId = fc.stringMatching(/^[a-z0-9]{8,36}$/);
const name = fc.record({ clientId, sessionId: fc.uuid() });
const generation = fc.integer({ min: 0, max: 2 ** 31 - 1 });

const session = { clientId: 'acme1234', sessionId: '01234567-89ab-7cde-8f01-23456789abcd' };

describe('session cookie', () => {
  it('round-trips, in a form a secret scanner knows', () => {
    fc.assert(
      fc.property(name, (named) => {
        const cookie = credentials.cookie(named);
        expect(cookie).toMatch(/^segue_ss_[a-z0-9]{8,36}_[0-9A-Za-z]{22}_k1[0-9A-Za-z]{43}$/);
        expect(credentials.readCookie(cookie)).toEqual(named);
        expect(credentials.readRefreshToken(cookie)).toBeNull();
      }),
    );
  });
});

describe('refresh token', () => {
  it('round-trips, and is the same each time it is computed', () => {
    fc.assert(
      fc.property(name, generation, (named, link) => {
        const token = credentials.refreshToken({ ...named, generation: link }, 'k1');
        expect(token).toMatch(/^segue_rt_[a-z0-9]{8,36}_[0-9A-Za-z]{22}_[0-9A-Za-z]{6}_k1[0-9A-Za-z]{43}$/);
        expect(credentials.readRefreshToken(token)).toEqual({ ...named, generation: link });
        expect(credentials.refreshToken({ ...named, generation: link }, 'k1')).toBe(token);
        expect(credentials.readCookie(token)).toBeNull();
      }),
    );
  });

  it('differs for every client, session and generation', () => {
    const texts = [
      { ...session, generation: 0 },
      { ...session, generation: 1 },
      { ...session, clientId: 'acme1235', generation: 0 },
      { ...session, sessionId: '01234567-89ab-7cde-8f01-23456789abce', generation: 0 },
    ].map((link) => credentials.refreshToken(link, 'k1').slice(-43));
    expect(new Set(texts).size).toBe(4);
  });
});

describe('tampering', () => {
  const cookie = credentials.cookie(session);
  const token = credentials.refreshToken({ ...session, generation: 7 }, 'k1');
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_';

  it('refuses each single changed, missing or added character', () => {
    for (const [text, read] of [
      [cookie, (changed: string) => credentials.readCookie(changed)],
      [token, (changed: string) => credentials.readRefreshToken(changed)],
    ] as const) {
      expect(read(text)).not.toBeNull();
      for (let at = 0; at <= text.length; at += 1) {
        for (const character of alphabet) {
          if (character !== text[at]) expect(read(text.slice(0, at) + character + text.slice(at + 1))).toBeNull();
          expect(read(text.slice(0, at) + character + text.slice(at))).toBeNull();
        }
        if (at < text.length) expect(read(text.slice(0, at) + text.slice(at + 1))).toBeNull();
      }
    }
  });

  const mac = (text: string) => text.slice(-43);
  it.each([
    ['nothing', ''],
    ['a JWT', 'eyJhbGciOiJub25lIn0.e30.'],
    ["a cookie with a refresh token's MAC", cookie.slice(0, -43) + mac(token)],
    ["a refresh token with a cookie's MAC", token.slice(0, -43) + mac(cookie)],
    ['a refresh token renamed', token.replace('segue_rt_', 'segue_ss_')],
    ['a cookie renamed', cookie.replace('segue_ss_', 'segue_rt_')],
    ['another client', token.replace('acme1234', 'acme1235')],
    ['another generation', token.replace('_000007_', '_000006_')],
    ['a session id beyond 128 bit', token.replace(/_[0-9A-Za-z]{22}_/, `_${'z'.repeat(22)}_`)],
    ['a key that is not on the ring', token.replace('_k1', '_k9')],
    ['a key named like a member of every object', token.replace('_k1', '_tostring')],
    ['a trailing line feed', `${token}\n`],
    ['a leading space', ` ${cookie}`],
    ['a very long text', `segue_rt_${'a'.repeat(100_000)}`],
  ])('refuses %s', (_, text) => {
    expect(credentials.readCookie(text)).toBeNull();
    expect(credentials.readRefreshToken(text)).toBeNull();
  });

  it('refuses what another key of the same id made', () => {
    const stranger = new Credentials(parseKeyRing(`k1:${randomBytes(32).toString('base64')}`));
    expect(stranger.readCookie(cookie)).toBeNull();
    expect(stranger.readRefreshToken(token)).toBeNull();
  });
});

describe('key rotation', () => {
  const rotated = new Credentials(parseKeyRing(`${k2},${k1}`));

  it('makes with the current key and still reads the previous one', () => {
    expect(rotated.cookie(session)).toContain('_key2');
    expect(rotated.readCookie(credentials.cookie(session))).toEqual(session);
    const old = credentials.refreshToken({ ...session, generation: 3 }, 'k1');
    expect(rotated.readRefreshToken(old)).toEqual({ ...session, generation: 3 });
  });

  it('repeats a link of the chain with the key it was first made with', () => {
    const link = { ...session, generation: 3 };
    expect(rotated.refreshToken(link, 'k1')).toBe(credentials.refreshToken(link, 'k1'));
    expect(rotated.refreshToken(link, 'key2')).not.toBe(credentials.refreshToken(link, 'k1'));
  });

  it('says which key is missing, and refuses its tokens once it is gone', () => {
    const later = new Credentials(parseKeyRing(k2));
    expect(later.readCookie(credentials.cookie(session))).toBeNull();
    expect(() => later.refreshToken({ ...session, generation: 3 }, 'k1')).toThrow(/no key k1/);
  });
});
