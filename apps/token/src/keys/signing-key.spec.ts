import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, importJWK, jwtVerify } from 'jose';
import { newSigningKey, publicJwk, SigningKey } from './signing-key.js';

const made = newSigningKey();
const key = new SigningKey(made.kid, made.privateKey);
const jwk = publicJwk(made.kid, made.x);

describe('SigningKey', () => {
  it('signs what a verifier of our key set takes', async () => {
    const token = key.sign('at+jwt', { iss: 'https://segue.example', exp: 4_000_000_000 });
    const { protectedHeader, payload } = await jwtVerify(token, await importJWK(jwk), { typ: 'at+jwt' });
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: made.kid });
    expect(payload).toEqual({ iss: 'https://segue.example', exp: 4_000_000_000 });
  });

  it('is named by its thumbprint', async () => {
    expect(await calculateJwkThumbprint(jwk)).toBe(made.kid);
    expect(() => new SigningKey(newSigningKey().kid, made.privateKey)).toThrow('another key');
  });

  it('publishes public members only', () => {
    expect(Object.keys(jwk).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  });

  it('shows its private key to no printer', () => {
    for (const printed of [inspect(key, { depth: 9, showHidden: true }), JSON.stringify(key)]) {
      expect(printed).not.toContain(made.privateKey);
    }
  });
});
