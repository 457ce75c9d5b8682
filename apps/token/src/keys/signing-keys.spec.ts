import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { factsOf, issuerOfSpecs, openStore, replica, sealKeys } from '../testing.js';

let store: ScratchStore;
let keys: ReturnType<typeof sealKeys>;
const running: ReturnType<typeof replica>[] = [];
beforeEach(async () => {
  store = await openStore();
  keys = sealKeys();
});
afterEach(async () => {
  for (const one of running.splice(0)) one.signingKeys.onModuleDestroy();
  await store.drop();
});

async function started() {
  const one = replica(store, keys);
  running.push(one);
  await one.signingKeys.onModuleInit();
  return one;
}
const states = async (one: ReturnType<typeof replica>) =>
  (await one.signingKeys.list()).items.map(({ state }) => state).toSorted();
const sign = (one: ReturnType<typeof replica>, clientId: string, given: object = {}) =>
  one.sign.run({
    ...{ kind: 'access', clientId, subject: 'user-1', scopes: ['a', 'b'], ttlSeconds: 900 },
    jti: '0198c5f0-0000-7000-8000-000000000000',
    ...given,
  });
const newClient = async (one: ReturnType<typeof replica>, given: object = {}) =>
  (await one.clients.create({ name: 'Acme', settings: settings.parse(given) })).client.clientId;

describe('the signing keys', () => {
  it('are made once, however many replicas start at the same moment', async () => {
    const replicas = Array.from({ length: 50 }, () => replica(store, keys));
    running.push(...replicas);
    await Promise.all(replicas.map(({ signingKeys }) => signingKeys.onModuleInit()));
    const [{ count }] = await store.dataSource.query('SELECT count(*)::int FROM signing_keys');
    expect(count).toBe(2);
    expect(new Set(replicas.map(({ signingKeys }) => signingKeys.current().kid)).size).toBe(1);
  });

  it('sign claims as RFC 9068 wants them, under a kid of the published set', async () => {
    const one = await started();
    const clientId = await newClient(one);
    const sessionId = '0198c5f0-0000-7000-8000-000000000001';
    const { token, expiresIn, kid } = await sign(one, clientId, { sessionId, externalId: 'ext-1' });
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(one.signingKeys.jwks()), {
      ...{ issuer: issuerOfSpecs, audience: issuerOfSpecs, typ: 'at+jwt' },
    });
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid });
    expect(payload).toEqual({
      ...{ iss: issuerOfSpecs, aud: issuerOfSpecs, sub: 'user-1', client_id: clientId, scope: 'a b' },
      ...{ sid: sessionId, ext: 'ext-1', jti: '0198c5f0-0000-7000-8000-000000000000' },
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 900,
    });
    expect(expiresIn).toBe(900);
  });

  it('give each kind its own typ, and the audience its client wants', async () => {
    const one = await started();
    const clientId = await newClient(one, { audience: 'https://api.example' });
    const set = createLocalJWKSet(one.signingKeys.jwks());
    for (const kind of ['access', 'sdk', 'media'] as const) {
      const typ = { access: 'at+jwt', sdk: 'sdk+jwt', media: 'media+jwt' }[kind];
      const { token } = await sign(one, clientId, { kind });
      await expect(jwtVerify(token, set, { typ, audience: 'https://api.example' })).resolves.toBeDefined();
      await expect(jwtVerify(token, set, { typ: 'JWT' })).rejects.toThrow();
    }
    await expect(sign(one, 'nobody00')).rejects.toMatchObject({ code: 'client.missing' });
  });

  it('rotate to a key that was published before, while what was signed goes on verifying', async () => {
    const [here, there] = [await started(), await started()];
    const clientId = await newClient(here);
    const publishedBefore = here.signingKeys.jwks().keys.map(({ kid }) => kid);
    const old = await sign(here, clientId);

    const current = await here.signingKeys.rotate();
    expect(current).toMatchObject({ state: 'current', verifiesUntil: null });
    expect(publishedBefore).toContain(current.kid);
    expect(await states(here)).toEqual(['current', 'next', 'retired']);
    expect((await factsOf(store)).at(-1)).toMatchObject({
      ...{ clientId: '_', type: 'signing_key.rotated', body: { kid: old.kid, successor: current.kid } },
    });
    const fresh = await sign(here, clientId);
    expect(decodeProtectedHeader(fresh.token).kid).toBe(current.kid);
    expect(current.kid).not.toBe(old.kid);

    const stillOld = await sign(there, clientId);
    for (const { token } of [old, fresh, stillOld]) {
      await expect(jwtVerify(token, createLocalJWKSet(here.signingKeys.jwks()))).resolves.toBeDefined();
    }
    await new Promise((resolve) => setTimeout(resolve, 2200));
    expect((await sign(there, clientId)).kid).toBe(current.kid);
    const [{ sealed }] = await store.dataSource.query('SELECT sealed FROM signing_keys WHERE kid = $1', [old.kid]);
    expect(sealed).toBeNull();
  });

  it('rotated again at once wait until the newest has been public for ten minutes', async () => {
    const one = await started();
    const first = await one.signingKeys.rotate();
    const second = await one.signingKeys.rotate();
    expect(Date.parse(second.activatedAt ?? '') - Date.now()).toBeGreaterThan(590_000);
    expect(one.signingKeys.current().kid).toBe(first.kid);
    const later = await started();
    expect(later.signingKeys.current().kid).toBe(first.kid);
    expect(await states(one)).toEqual(['current', 'next', 'retired', 'retired']);

    await store.dataSource.query(`UPDATE signing_keys SET activated_at = now() WHERE kid = $1`, [second.kid]);
    expect((await started()).signingKeys.current().kid).toBe(second.kid);
  });

  it('rotated by fifty at once stay one current and one next', async () => {
    const one = await started();
    // On a busy machine some may not get a connection in time: they are told that nothing happened.
    const rotations = await Promise.allSettled(Array.from({ length: 50 }, () => one.signingKeys.rotate()));
    const rotated = rotations.filter(({ status }) => status === 'fulfilled').length;
    expect(rotated).toBeGreaterThan(1);
    const all = await states(one);
    expect(all.filter((state) => state !== 'retired')).toEqual(['current', 'next']);
    expect(all).toHaveLength(rotated + 2);
  });

  it('outlive a store that cannot be reached, and do not open under other seal keys', async () => {
    const one = await started();
    const { kid } = one.signingKeys.current();
    await store.dataSource.query('ALTER TABLE signing_keys RENAME TO gone');
    await new Promise((resolve) => setTimeout(resolve, 2200));
    expect(one.signingKeys.current().kid).toBe(kid);
    await store.dataSource.query('ALTER TABLE gone RENAME TO signing_keys');

    const stranger = replica(store, sealKeys());
    await expect(stranger.signingKeys.onModuleInit()).rejects.toThrow();
  });
});
