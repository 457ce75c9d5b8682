import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { factsOf, openStore, replica, sealKeys } from '../testing.js';

let store: ScratchStore;
let service: ReturnType<typeof replica>;
beforeAll(async () => {
  store = await openStore();
  service = replica(store, sealKeys());
});
afterAll(() => store.drop());

const create = async (given: object = {}) => {
  const { client } = await service.clients.create({ name: 'Acme', settings: settings.parse(given) });
  return client;
};
const factsAbout = async (clientId: string) => {
  const facts = await factsOf(store);
  return facts.filter((fact) => fact.clientId === clientId).map(({ type, body }) => ({ type, ...body }));
};

describe('a client', () => {
  it('comes with every setting at its default and its first link secret', async () => {
    const { client, linkSecret } = await service.clients.create({ name: 'Acme', settings: settings.parse({}) });
    expect(client).toMatchObject({
      name: 'Acme',
      status: 'active',
      settings: { linkMaxAgeSeconds: 3600, landingUrl: '/' },
    });
    expect(client.clientId).toMatch(/^[a-z0-9]{16}$/);
    expect(linkSecret.secret).toMatch(/^[0-9A-Za-z]{43}$/);
    expect(await service.clients.read({ clientId: client.clientId })).toEqual(client);
    expect(await factsAbout(client.clientId)).toEqual([
      { type: 'client.created', fields: ['name'] },
      { type: 'link_secret.created', secretId: linkSecret.secretId },
    ]);
  });

  it('is not there under another name', async () => {
    expect(await service.clients.read({ clientId: 'nobody-here' })).toBeNull();
    await expect(service.clients.update({ clientId: 'nobody00', name: 'x' })).rejects.toMatchObject({
      code: 'client.missing',
    });
  });

  it('is patched by RFC 7396: null returns a member to its default', async () => {
    const { clientId } = await create({ landingUrl: '/home', audience: 'https://api.example' });
    const changed = await service.clients.update({
      clientId,
      name: 'Acme 2',
      settings: { landingUrl: null, audience: null, features: { trace: false }, redirectUrls: ['https://a.example/'] },
    });
    expect(changed.settings).toEqual(
      settings.parse({ features: { trace: false }, redirectUrls: ['https://a.example/'] }),
    );
    expect((await factsAbout(clientId)).at(-1)).toEqual({
      type: 'client.updated',
      fields: ['name', 'settings.landingUrl', 'settings.redirectUrls', 'settings.audience', 'settings.features'],
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['an unknown member', { colour: 'red' }],
    ['a value of another type', { linkMaxAgeSeconds: '3600' }],
    ['a landing on plain http', { landingUrl: 'http://example.com/' }],
    ['a nested unknown member', { features: { magic: true } }],
  ])('refuses %s and stays as it was', async (_, patch) => {
    const before = await create();
    const refused = service.clients.update({ clientId: before.clientId, name: 'other', settings: patch });
    await expect(refused).rejects.toMatchObject({ code: 'settings.invalid', detail: expect.any(String) });
    expect(await service.clients.read({ clientId: before.clientId })).toEqual(before);
  });

  it('raises its epoch with each suspension, and states what changed only', async () => {
    const { clientId } = await create();
    for (const status of ['suspended', 'suspended', 'active', 'suspended'] as const) {
      expect(await service.clients.update({ clientId, status })).toMatchObject({ status });
    }
    const [{ epoch }] = await store.dataSource.query('SELECT epoch FROM clients WHERE client_id = $1', [clientId]);
    expect(epoch).toBe(2);
    expect((await factsAbout(clientId)).slice(2)).toEqual([
      { type: 'client.suspended', epoch: 1 },
      { type: 'client.restored' },
      { type: 'client.suspended', epoch: 2 },
    ]);
  });

  it('loses none of many patches that come at once', async () => {
    const { clientId } = await create();
    const flows = ['apiLink', 'anonymous', 'clientAuth', 'customToken', 'oneTime'];
    const members = flows.flatMap((flow) => ['access', 'session'].map((kind) => ({ [flow]: { [kind]: 61 } })));
    await Promise.all(members.map((lifetimes) => service.clients.update({ clientId, settings: { lifetimes } })));
    const after = await service.clients.read({ clientId });
    const short = { access: 61, session: 61 };
    expect(after?.settings.lifetimes).toMatchObject(Object.fromEntries(flows.map((flow) => [flow, short])));
    expect(await factsAbout(clientId)).toHaveLength(2 + members.length);
  });

  it('is listed in pages, each once', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => create()));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof service.clients.list>> = await service.clients.list({
        limit: 2,
        ...(cursor && { cursor }),
      });
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(({ clientId }) => clientId));
      cursor = page.nextCursor;
    } while (cursor);
    expect(seen).toEqual(seen.toSorted());
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(made.map(({ clientId }) => clientId)));
  });

  it.each(['', '!', 'AAAA', Buffer.from("x'--").toString('base64url')])('refuses the cursor %j', async (cursor) => {
    await expect(service.clients.list({ limit: 2, cursor })).rejects.toMatchObject({ code: 'cursor.invalid' });
  });

  it('is found by the hosts it lists and the origins of its pages, as they are now, while it is active', async () => {
    const [host, app, cors, next] = ['a', 'b', 'c', 'd'].map((name) => `${name}${Date.now()}.example`);
    const listing = async (named: { host: string } | { origin: string }) =>
      (await service.clients.listing(named)).clientIds;
    const { clientId } = await create({
      hosts: [host],
      landingUrl: `https://${app}/home?x=1`,
      redirectUrls: [`https://${app}:8443/in`],
      origins: [`https://${cors}`],
    });
    expect(await listing({ host: `${host}` })).toEqual([clientId]);
    for (const origin of [`https://${app}`, `https://${app}:8443`, `https://${cors}`]) {
      expect(await listing({ origin })).toEqual([clientId]);
    }
    expect(await listing({ origin: `https://${host}` })).toEqual([]);
    expect(await listing({ host: `${cors}` })).toEqual([]);

    await service.clients.update({ clientId, settings: { landingUrl: `https://${next}/`, redirectUrls: null } });
    expect(await listing({ origin: `https://${app}` })).toEqual([]);
    expect(await listing({ origin: `https://${next}` })).toEqual([clientId]);

    await service.clients.update({ clientId, status: 'suspended' });
    expect(await listing({ origin: `https://${next}` })).toEqual([]);
    await service.clients.update({ clientId, status: 'active' });
    expect(await listing({ origin: `https://${next}` })).toEqual([clientId]);
    for (const _ of [1, 2]) await create({ hosts: [host] });
    expect(await listing({ host: `${host}` })).toHaveLength(2);
  });
});
