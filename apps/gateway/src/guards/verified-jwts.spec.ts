import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Holder } from './holder.js';
import type { UnverifiedJwt } from './jwt.js';
import { VerifiedJwts } from './verified-jwts.js';

const { publicKey: key } = generateKeyPairSync('ed25519');
const token = { kind: 'access', kid: 'k1' } as UnverifiedJwt;
const holder = { subject: 'somebody' } as Holder;

describe('the JWTs verified before', () => {
  it('are known by their whole text alone', () => {
    const known = new VerifiedJwts();
    known.keep('a.b.c', { token, holder, key });
    expect(known.find('a.b.c')).toEqual({ token, holder, key });
    expect(known.find('a.b.cc')).toBeUndefined();
    known.forget('a.b.c');
    expect(known.find('a.b.c')).toBeUndefined();
  });

  it('are never more than so many: the longest known makes room', () => {
    const known = new VerifiedJwts(3);
    for (let count = 0; count < 10; count++) known.keep(`token ${count}`, { token, holder, key });
    expect(known.size).toBe(3);
    expect(known.find('token 6')).toBeUndefined();
    expect(known.find('token 9')).toBeDefined();
  });
});
