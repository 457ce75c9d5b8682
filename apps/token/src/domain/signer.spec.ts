import { describe, expect, it } from '@jest/globals';
import type { CompactJwt } from './compact-jwt.js';
import { findSigner } from './signer.js';

const jwt = (kid?: string): CompactJwt => ({ signingInput: 's', signature: Buffer.alloc(32), kid, claims: new Map() });
const tried: string[] = [];
const key = (secretId: string, verifies: boolean, signs: boolean) => ({
  secretId,
  verifiesAt: () => verifies,
  signed: () => tried.push(secretId) > 0 && signs,
});

describe('findSigner', () => {
  const old = key('old', true, true);
  const fresh = key('new', true, false);

  it('tries every verifying secret, even after one has matched', () => {
    tried.length = 0;
    expect(findSigner([old, fresh], jwt(), 0)).toBe(old);
    expect(tried).toEqual(['old', 'new']);
  });

  it('tries only the secret that kid names', () => {
    tried.length = 0;
    expect(findSigner([old, fresh], jwt('old'), 0)).toBe(old);
    expect(findSigner([old, fresh], jwt('new'), 0)).toBe('signature');
    expect(tried).toEqual(['old', 'new']);
  });

  it.each(['../../etc/passwd', "' OR 1=1 --", '__proto__', 'constructor', '', 'old '])('knows no kid %j', (kid) => {
    expect(findSigner([old], jwt(kid), 0)).toBe('unknown_key');
  });

  it('tells a secret that has ended from a wrong one, and accepts neither', () => {
    const ended = key('gone', false, true);
    expect(findSigner([fresh, ended], jwt(), 0)).toBe('secret_rotated');
    expect(findSigner([fresh, ended], jwt('gone'), 0)).toBe('secret_rotated');
    expect(findSigner([fresh, key('gone', false, false)], jwt(), 0)).toBe('signature');
    expect(findSigner([fresh, ended], jwt('new'), 0)).toBe('signature');
  });

  it('says when nothing verifies at all', () => {
    expect(findSigner([], jwt(), 0)).toBe('no_secret');
    expect(findSigner([key('gone', false, true)], jwt(), 0)).toBe('no_secret');
  });
});
