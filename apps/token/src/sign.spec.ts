import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { settings } from '#contracts/settings';
import { token } from '#contracts/token';
import type { ScratchStore } from '#postgres/testing';
import { factsOf, issuerOfSpecs, nowSeconds, openStore, replica, sealKeys } from './testing.js';

let store: ScratchStore;
let service: ReturnType<typeof replica>;
let clientId: string;
beforeAll(async () => {
  store = await openStore();
  service = replica(store, sealKeys());
  await service.signingKeys.onModuleInit();
  ({ clientId } = (await service.clients.create({ name: 'Acme', settings: settings.parse({}) })).client);
});
afterAll(async () => {
  service.signingKeys.onModuleDestroy();
  await store.drop();
});

type Asked = Parameters<typeof service.sign.run>[0];
const asked = (more: Partial<Asked> = {}): Asked => ({
  ...{ kind: 'access', clientId, subject: 'u', scopes: [], jti: randomUUID(), ttlSeconds: 60 },
  ...more,
});
const partsOf = async (more: Partial<Asked>) => {
  const { token } = await service.sign.run(asked(more));
  return token.split('.', 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
};
const claimsOf = async (more: Partial<Asked>) => (await partsOf(more))[1];
const factsSince = async (count: number) => (await factsOf(store)).slice(count);

describe('sign', () => {
  it('says the epoch of the subject beside the session, also when it is 0, and none where none is given', async () => {
    const sessionId = randomUUID();
    expect(await claimsOf({ sessionId, epoch: 3 })).toMatchObject({ sid: sessionId, epoch: 3 });
    expect(await claimsOf({ epoch: 0 })).toMatchObject({ epoch: 0 });
    expect(await claimsOf({})).not.toHaveProperty('epoch');
  });

  it('says when the user was last asked who they are, where that is known', async () => {
    expect(await claimsOf({ authTime: 1_700_000_000 })).toMatchObject({ auth_time: 1_700_000_000 });
    expect(await claimsOf({})).not.toHaveProperty('auth_time');
  });

  it.each([
    ['access', 'at+jwt'],
    ['sdk', 'sdk+jwt'],
    ['media', 'media+jwt'],
    ['account', 'account+jwt'],
  ] as const)('tells %s from every other kind', async (kind, typ) => {
    const [header, claims] = await partsOf({ kind, scopes: ['a', 'b'], externalId: 'x' });
    expect(header).toMatchObject({ alg: 'EdDSA', typ });
    expect(claims).toMatchObject({
      iss: issuerOfSpecs,
      aud: issuerOfSpecs,
      client_id: clientId,
      scope: 'a b',
      ext: 'x',
    });
    expect(claims.exp - claims.iat).toBe(60);
  });

  it('gives programs of protocol 003 the names they read, and nobody else', async () => {
    const sessionId = randomUUID();
    const named = { userId: 'käthe', ext: 'käthe', sessionId, sid: sessionId };
    expect(await claimsOf({ kind: 'account', externalId: 'käthe', sessionId })).toMatchObject(named);
    const ofKey = await claimsOf({ kind: 'account', externalId: 'käthe' });
    expect(ofKey).toMatchObject({ userId: 'käthe', sessionId: '' });
    expect(ofKey).not.toHaveProperty('sid');
    expect(await claimsOf({ externalId: 'käthe', sessionId })).not.toHaveProperty('userId');
  });

  it('states what is of no session of its own, and nothing for an access token', async () => {
    const { length } = await factsOf(store);
    await service.sign.run(asked({ kind: 'access', sessionId: randomUUID() }));
    expect(await factsSince(length)).toEqual([]);
    for (const kind of ['sdk', 'media', 'account'] as const) {
      const jti = randomUUID();
      await service.sign.run(asked({ kind, jti, subject: 'key_x' }));
      const [fact] = (await factsSince(length)).slice(-1);
      expect(fact).toMatchObject({ type: 'token.issued', clientId, subject: `token/${jti}` });
      expect(fact?.body).toEqual({ tokenId: jti, kind, subject: 'key_x', expiresAt: expect.any(String) });
      const left = Date.parse(String(fact?.body['expiresAt'])) / 1000 - nowSeconds();
      expect(Math.abs(left - 60)).toBeLessThanOrEqual(2);
    }
  });

  it('answers no token that could not be told of', async () => {
    await store.dataSource.query('ALTER TABLE outbox RENAME TO gone');
    try {
      await expect(service.sign.run(asked({ kind: 'sdk' }))).rejects.toThrow();
    } finally {
      await store.dataSource.query('ALTER TABLE gone RENAME TO outbox');
    }
  });

  it('is asked for no life that a revocation would not outlast', () => {
    const accepts = (more: Partial<Asked>) => token.sign.request.safeParse(asked(more)).success;
    const sessionId = randomUUID();
    const day = 86_400;
    expect(accepts({ sessionId, ttlSeconds: 30 * day })).toBe(true);
    expect(accepts({ sessionId, ttlSeconds: 30 * day + 1 })).toBe(false);
    expect(accepts({ kind: 'sdk', ttlSeconds: day })).toBe(true);
    expect(accepts({ kind: 'sdk', ttlSeconds: day + 1 })).toBe(false);
    expect(accepts({ ttlSeconds: 60 })).toBe(false);
  });
});
