import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { nowSeconds, openStore, replica, sealKeys } from './testing.js';

let store: ScratchStore;
let service: ReturnType<typeof replica>;
beforeAll(async () => {
  store = await openStore();
  service = replica(store, sealKeys());
});
afterAll(() => store.drop());

const newClient = async () =>
  (await service.clients.create({ name: 'Acme', settings: settings.parse({}) })).client.clientId;
const newKey = (clientId: string) => service.apiKeys.create({ clientId, name: 'k', kind: 'private', scopes: [] });
const day = 86_400;

async function whole() {
  const first = await service.snapshot.run({});
  const pages = [first];
  for (let cursor = first.nextCursor; cursor !== null; ) {
    const page = await service.snapshot.run({ cursor });
    pages.push(page);
    cursor = page.nextCursor;
  }
  return { pages, keys: pages.flatMap(({ keys }) => keys), clients: pages.flatMap(({ clients }) => clients) };
}

describe('the revocation set of keys and clients', () => {
  it('has every client that was suspended, with the epoch its facts told', async () => {
    const [suspended, restored, never] = [await newClient(), await newClient(), await newClient()];
    for (const clientId of [suspended, restored]) await service.clients.update({ clientId, status: 'suspended' });
    await service.clients.update({ clientId: restored, status: 'active' });
    const { clients } = await whole();
    expect(clients).toEqual(
      expect.arrayContaining([
        { clientId: suspended, suspended: true, epoch: 1 },
        { clientId: restored, suspended: false, epoch: 1 },
      ]),
    );
    expect(clients.map(({ clientId }) => clientId)).not.toContain(never);
  });

  it('has the deleted keys for as long as a token of theirs may live, and no other key', async () => {
    const clientId = await newClient();
    const [deleted, old, rotated, live] = await Promise.all([1, 2, 3, 4].map(() => newKey(clientId)));
    for (const key of [deleted, old]) await service.apiKeys.delete({ clientId, keyId: key?.keyId ?? '' });
    await service.apiKeys.rotate({ clientId, keyId: rotated?.keyId ?? '', overlapSeconds: 0 });
    await store.dataSource.query(`UPDATE api_keys SET deleted_at = now() - interval '31 days' WHERE key_id = $1`, [
      old?.keyId,
    ]);
    const { keys } = await whole();
    const until = keys.find(({ keyId }) => keyId === deleted?.keyId)?.until ?? 0;
    expect(Number.isInteger(until)).toBe(true);
    expect(Math.abs(until - nowSeconds() - 30 * day)).toBeLessThan(10);
    const others = [old, rotated, live].map((key) => key?.keyId);
    expect(keys.filter(({ keyId }) => others.includes(keyId))).toEqual([]);
  });

  it('comes in pages, each entry once, also while it grows', async () => {
    const clientId = await newClient();
    await service.clients.update({ clientId, status: 'suspended' });
    await store.dataSource.query(
      `INSERT INTO api_keys (client_id, key_id, name, kind, digest, scopes, epoch, deleted_at)
       SELECT $1, lpad(n::text, 12, '0'), 'k', 'private', '', '{}', 1, now() FROM generate_series(1, 4500) n`,
      [clientId],
    );
    const { pages, keys, clients } = await whole();
    expect(pages.length).toBeGreaterThanOrEqual(3);
    for (const page of pages) expect(JSON.stringify(page).length).toBeLessThan(500_000);
    expect(keys.filter(({ keyId }) => /^0{8}\d{4}$/.test(keyId))).toHaveLength(4500);
    expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(keys.length);
    expect(clients.filter((client) => client.clientId === clientId)).toHaveLength(1);
  });

  it.each(['', 'x', Buffer.from('acme0000').toString('base64url'), Buffer.from('acme0000/x').toString('base64url')])(
    'has no page at %j',
    async (cursor) => {
      await expect(service.snapshot.run({ cursor })).rejects.toMatchObject({ code: 'cursor.invalid' });
    },
  );
});
