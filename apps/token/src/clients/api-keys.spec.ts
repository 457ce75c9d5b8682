import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { attempt, factsOf, openStore, replica, sealKeys } from '../testing.js';

let store: ScratchStore;
let here: ReturnType<typeof replica>;
let there: ReturnType<typeof replica>;
let clientId: string;
beforeAll(async () => {
  store = await openStore();
  const keys = sealKeys();
  here = replica(store, keys);
  there = replica(store, keys);
});
afterAll(() => store.drop());
beforeEach(async () => {
  clientId = (await here.clients.create({ name: 'Acme', settings: settings.parse({}) })).client.clientId;
});

const make = (given: { kind?: 'private' | 'public'; scopes?: string[]; expiresAt?: string } = {}) =>
  here.apiKeys.create({ clientId, name: 'backend', kind: 'private', scopes: ['users.read'], ...given });
const authenticate = (key: string, on = here) => on.authenticate.run({ key, attempt: attempt() });
const reasonOf = async (key: string, on = here) => {
  await expect(authenticate(key, on)).rejects.toMatchObject({ code: 'key.refused' });
  const fact = (await factsOf(store)).at(-1);
  return `${fact?.type} ${fact?.clientId === clientId ? 'ours' : fact?.clientId} ${fact?.body['reason']}`;
};

describe('an API key', () => {
  it('authenticates with its kind, scopes and epochs, here and elsewhere', async () => {
    const { key, keyId, ...rest } = await make({ kind: 'public', scopes: ['users.read', 'users.read', 'x'] });
    expect(rest).toMatchObject({ name: 'backend', kind: 'public', scopes: ['users.read', 'x'], expiresAt: null });
    for (const on of [here, there]) {
      expect(await authenticate(key, on)).toEqual({
        client: { clientId, epoch: 0, settings: settings.parse({}) },
        ...{ keyId, kind: 'public', epoch: 0, scopes: ['users.read', 'x'], expiresAt: null },
      });
    }
  });

  it('is refused for a typo, a wrong secret, an unknown id or client, alike outside and precisely inside', async () => {
    const { key } = await make();
    const other = await make();
    const { checksum } = await import('#secrets/digest');
    const forged = (body: string) => body + checksum(body);
    const [, , , id = '', rest = ''] = key.split('_');
    const secret = rest.slice(0, 43);
    expect(await reasonOf(key.slice(0, -1))).toBe('key.refused _ malformed');
    expect(await reasonOf('')).toBe('key.refused _ malformed');
    expect(await reasonOf(forged(`segue_sk_${clientId}_${id}_${other.key.split('_')[4]?.slice(0, 43)}`))).toBe(
      'key.refused ours secret',
    );
    expect(await reasonOf(forged(`segue_pk_${clientId}_${id}_${secret}`))).toBe('key.refused ours secret');
    expect(await reasonOf(forged(`segue_sk_${clientId}_${'0'.repeat(12)}_${secret}`))).toBe(
      'key.refused ours unknown_key',
    );
    expect(await reasonOf(forged(`segue_sk_nobody000_${id}_${secret}`))).toBe('key.refused _ unknown_key');
  });

  it('made elsewhere a moment after it was unknown here works at once', async () => {
    const { key } = await there.apiKeys.create({ clientId, name: 'b', kind: 'private', scopes: [] });
    expect((await authenticate(key)).scopes).toEqual([]);
  });

  it('ends when it expires', async () => {
    const { key } = await make({ expiresAt: new Date(Date.now() + 1000).toISOString() });
    expect(await authenticate(key)).toMatchObject({ expiresAt: expect.any(String) });
    await new Promise((resolve) => setTimeout(resolve, 1050));
    expect(await reasonOf(key)).toBe('key.refused ours expired');
  });

  it('is not made with an end in the past, beyond the scopes of its client, or for nobody', async () => {
    const past = make({ expiresAt: '2020-01-01T00:00:00Z' });
    await expect(past).rejects.toMatchObject({ code: 'request.invalid', detail: expect.stringContaining('expiresAt') });
    await here.clients.update({ clientId, settings: { scopes: ['users.read'] } });
    const beyond = make({ scopes: ['users.read', 'users.write'] });
    await expect(beyond).rejects.toMatchObject({ code: 'request.invalid', detail: expect.stringContaining('scopes') });
    const nobody = here.apiKeys.create({ clientId: 'nobody00', name: 'x', kind: 'private', scopes: [] });
    await expect(nobody).rejects.toMatchObject({ code: 'client.missing' });
  });

  it('loses the scopes its client takes back', async () => {
    const { key } = await make({ scopes: ['users.read', 'users.write'] });
    await here.clients.update({ clientId, settings: { scopes: ['users.write'] } });
    expect((await authenticate(key)).scopes).toEqual(['users.write']);
  });

  it('hands over to a successor with an overlap that nothing extends', async () => {
    const old = await make({ scopes: ['a'] });
    const next = await here.apiKeys.rotate({ clientId, keyId: old.keyId, overlapSeconds: 2 });
    expect(next).toMatchObject({ name: 'backend', kind: 'private', scopes: ['a'], expiresAt: null });
    await here.apiKeys.rotate({ clientId, keyId: old.keyId, overlapSeconds: 600 });
    expect(await authenticate(old.key)).toMatchObject({ keyId: old.keyId });
    expect(await authenticate(next.key)).toMatchObject({ keyId: next.keyId });
    await new Promise((resolve) => setTimeout(resolve, 2050));
    expect(await reasonOf(old.key)).toBe('key.refused ours expired');
    const again = here.apiKeys.rotate({ clientId, keyId: old.keyId, overlapSeconds: 0 });
    await expect(again).rejects.toMatchObject({ code: 'key.missing' });
  });

  it('is deleted at once here, and within three seconds elsewhere', async () => {
    const { key, keyId } = await make();
    await authenticate(key, there);
    await here.apiKeys.delete({ clientId, keyId });
    expect(await reasonOf(key)).toBe('key.refused ours deleted');
    expect((await here.apiKeys.list({ clientId })).items).toEqual([]);
    await expect(here.apiKeys.delete({ clientId, keyId })).rejects.toMatchObject({ code: 'key.missing' });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await reasonOf(key, there)).toBe('key.refused ours deleted');
    const [{ epoch }] = await store.dataSource.query('SELECT epoch FROM api_keys WHERE key_id = $1', [keyId]);
    expect(epoch).toBe(1);
  });

  it('is missing to another client', async () => {
    const { keyId } = await make();
    const other = (await here.clients.create({ name: 'Other', settings: settings.parse({}) })).client.clientId;
    await expect(here.apiKeys.delete({ clientId: other, keyId })).rejects.toMatchObject({ code: 'key.missing' });
    const rotation = here.apiKeys.rotate({ clientId: other, keyId, overlapSeconds: 0 });
    await expect(rotation).rejects.toMatchObject({ code: 'key.missing' });
  });

  it('of a suspended client is refused as such only when it is right', async () => {
    const { key } = await make();
    await authenticate(key, there);
    await here.clients.update({ clientId, status: 'suspended' });
    await expect(authenticate(key)).rejects.toMatchObject({ code: 'account.suspended' });
    expect(await reasonOf(key.replace('_sk_', '_pk_'))).toBe('key.refused _ malformed');
    await expect(here.clients.update({ clientId, status: 'active' })).resolves.toMatchObject({ status: 'active' });
    expect(await authenticate(key)).toMatchObject({ client: { epoch: 1 } });
  });

  it('says when it was last used', async () => {
    const { key } = await make();
    await authenticate(key);
    await here.lastUse.onModuleDestroy();
    const [item] = (await here.apiKeys.list({ clientId })).items;
    expect(Date.now() - Date.parse(item?.lastUsedAt ?? '')).toBeLessThan(10_000);
  });

  it('rotated on one replica: the successor works on another at once, the old one ends there within three seconds', async () => {
    const old = await make();
    await authenticate(old.key, there);
    const next = await here.apiKeys.rotate({ clientId, keyId: old.keyId, overlapSeconds: 0 });
    expect(await authenticate(next.key, there)).toMatchObject({ keyId: next.keyId });
    expect(await reasonOf(old.key)).toBe('key.refused ours expired');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await reasonOf(old.key, there)).toBe('key.refused ours expired');
    const types = (await factsOf(store)).filter((fact) => fact.subject === `key/${old.keyId}`).map(({ type }) => type);
    expect(types).toEqual(['key.created', 'key.rotated']);
  });

  it('rotated with an overlap works on every replica beside its successor', async () => {
    const old = await make();
    const next = await here.apiKeys.rotate({ clientId, keyId: old.keyId, overlapSeconds: 60 });
    for (const on of [here, there]) {
      expect(await authenticate(old.key, on)).toMatchObject({ keyId: old.keyId, expiresAt: expect.any(String) });
      expect(await authenticate(next.key, on)).toMatchObject({ keyId: next.keyId, expiresAt: null });
    }
  });

  it('deleted by fifty callers of two replicas is deleted once, and the fact says from which epoch on', async () => {
    const { keyId } = await make();
    const deletes = Array.from({ length: 50 }, (_, i) => (i % 2 ? here : there).apiKeys.delete({ clientId, keyId }));
    const results = await Promise.allSettled(deletes);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const deleted = (await factsOf(store)).filter(
      (fact) => fact.type === 'key.deleted' && fact.body['keyId'] === keyId,
    );
    expect(deleted.map(({ body }) => body)).toEqual([{ keyId, epoch: 1 }]);
  });

  it('of a client suspended on one replica is refused on another within three seconds, and restored at once', async () => {
    const { key } = await make();
    await authenticate(key, there);
    await here.clients.update({ clientId, status: 'suspended' });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await expect(authenticate(key, there)).rejects.toMatchObject({ code: 'account.suspended' });
    await here.clients.update({ clientId, status: 'active' });
    expect(await authenticate(key, there)).toMatchObject({ client: { epoch: 1 } });
  });
});
