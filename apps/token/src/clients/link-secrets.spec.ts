import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { attempt, factsOf, nowSeconds, openStore, replica, sealKeys, signedLink } from '../testing.js';

let store: ScratchStore;
let here: ReturnType<typeof replica>;
let there: ReturnType<typeof replica>;
let clientId: string;
let first: { secretId: string; secret: string };
beforeAll(async () => {
  store = await openStore();
  const keys = sealKeys();
  here = replica(store, keys);
  there = replica(store, keys);
});
afterAll(() => store.drop());
beforeEach(async () => {
  const made = await here.clients.create({ name: 'Acme', settings: settings.parse({}) });
  clientId = made.client.clientId;
  first = made.linkSecret;
});

const link = (secret: string) => signedLink(secret, { userId: 'u', iat: nowSeconds() });
const verify = (secret: string, on = here) =>
  on.verifyLink.run({ clientId, userToken: link(secret), attempt: attempt() });
const reasonOf = async (secret: string, on = here) => {
  await expect(verify(secret, on)).rejects.toMatchObject({ code: 'link.refused' });
  return (await factsOf(store)).at(-1)?.body['reason'];
};
const rotate = (overlapSeconds: number, on = here) => on.linkSecrets.create({ clientId, overlapSeconds });

describe('a link secret', () => {
  it('works beside its successor until the overlap ends', async () => {
    await verify(first.secret, there);
    const second = await rotate(2);
    expect((await verify(first.secret)).secretId).toBe(first.secretId);
    expect((await verify(second.secret)).secretId).toBe(second.secretId);
    const { items } = await here.linkSecrets.list({ clientId });
    expect(items).toMatchObject([
      { secretId: first.secretId, verifiesUntil: expect.any(String) },
      { secretId: second.secretId, verifiesUntil: null },
    ]);
    await new Promise((resolve) => setTimeout(resolve, 2100));
    expect(await reasonOf(first.secret)).toBe('secret_rotated');
    // this one learnt of no end; its copy lives three seconds
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await reasonOf(first.secret, there)).toBe('secret_rotated');
    expect((await verify(second.secret, there)).secretId).toBe(second.secretId);
  });

  it('works at once on a replica that knows an older state', async () => {
    await verify(first.secret, there);
    const { secret } = await rotate(0);
    expect(await verify(secret, there)).toMatchObject({ client: { clientId } });
  });

  it('is refused as soon as its overlap of nothing has begun', async () => {
    await rotate(0);
    expect(await reasonOf(first.secret)).toBe('secret_rotated');
  });

  it('has no third beside two that verify', async () => {
    await rotate(60);
    await expect(rotate(0)).rejects.toMatchObject({ code: 'rotation.in_progress' });
    expect((await here.linkSecrets.list({ clientId })).items).toHaveLength(2);
  });

  it('rotated fifty times at once by two replicas has exactly one successor', async () => {
    const results = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => rotate(60, i % 2 ? here : there)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'rotation.in_progress' });
    }
    expect((await here.linkSecrets.list({ clientId })).items).toHaveLength(2);
    const created = (await factsOf(store)).filter(
      (fact) => fact.clientId === clientId && fact.type === 'link_secret.created',
    );
    expect(created).toHaveLength(2);
  });

  it('is deleted at once, and that extends no other', async () => {
    const second = await rotate(60);
    const [before] = (await here.linkSecrets.list({ clientId })).items;
    await here.linkSecrets.delete({ clientId, secretId: second.secretId });
    expect(await reasonOf(second.secret)).toBe('secret_rotated');
    expect((await here.linkSecrets.list({ clientId })).items).toEqual([before]);
    expect(await verify(first.secret)).toMatchObject({ secretId: first.secretId });

    await here.linkSecrets.delete({ clientId, secretId: first.secretId });
    expect(await reasonOf(first.secret)).toBe('no_secret');
    expect((await here.linkSecrets.list({ clientId })).items).toEqual([]);
    expect((await verify((await rotate(0)).secret)).client.clientId).toBe(clientId);
  });

  it('deleted on one replica is refused on another within three seconds', async () => {
    await verify(first.secret, there);
    await here.linkSecrets.delete({ clientId, secretId: first.secretId });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await reasonOf(first.secret, there)).toBe('no_secret');
  });

  it('is missing to another client, twice deleted, or never made', async () => {
    const other = await here.clients.create({ name: 'Other', settings: settings.parse({}) });
    const foreign = { clientId: other.client.clientId, secretId: first.secretId };
    await expect(here.linkSecrets.delete(foreign)).rejects.toMatchObject({ code: 'secret.missing' });
    await here.linkSecrets.delete({ clientId, secretId: first.secretId });
    const again = here.linkSecrets.delete({ clientId, secretId: first.secretId });
    await expect(again).rejects.toMatchObject({ code: 'secret.missing' });
  });

  it('of no client is not made and not listed', async () => {
    const nobody = { clientId: 'nobody00', overlapSeconds: 0 };
    await expect(here.linkSecrets.create(nobody)).rejects.toMatchObject({ code: 'client.missing' });
    await expect(here.linkSecrets.list(nobody)).rejects.toMatchObject({ code: 'client.missing' });
  });

  it('says when it was last used, without anybody waiting for it', async () => {
    await verify(first.secret);
    await here.lastUse.onModuleDestroy();
    const [item] = (await here.linkSecrets.list({ clientId })).items;
    expect(Date.now() - Date.parse(item?.lastUsedAt ?? '')).toBeLessThan(10_000);
  });

  it('of a client suspended on one replica is refused on another within three seconds, and restored at once', async () => {
    await verify(first.secret, there);
    await here.clients.update({ clientId, status: 'suspended' });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await expect(verify(first.secret, there)).rejects.toMatchObject({ code: 'account.suspended' });
    await here.clients.update({ clientId, status: 'active' });
    expect(await verify(first.secret, there)).toMatchObject({ client: { epoch: 1 } });
  });

  it('is judged by settings changed on another replica within three seconds', async () => {
    const old = signedLink(first.secret, { userId: 'u', iat: nowSeconds() - 120, exp: nowSeconds() + 60 });
    const follow = () => there.verifyLink.run({ clientId, userToken: old, attempt: attempt() });
    await follow();
    await here.clients.update({ clientId, settings: { linkMaxAgeSeconds: 60 } });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await expect(follow()).rejects.toMatchObject({ code: 'link.refused' });
    await here.clients.update({ clientId, settings: { linkMaxAgeSeconds: null } });
    await follow();
  });
});
