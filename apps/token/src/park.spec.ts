import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { RedisServer } from '#redis/redis-server.support';
import { sha256 } from '#secrets/digest';
import { attempt, factsOf, nowSeconds, openSpecRedis, openStore, replica, sealKeys, signedLink } from './testing.js';

let store: ScratchStore;
let connections: [Redis, Redis];
let here: ReturnType<typeof replica>;
let there: ReturnType<typeof replica>;
let keys: ReturnType<typeof sealKeys>;
let clientId: string;
let secret: string;
beforeAll(async () => {
  store = await openStore();
  connections = await Promise.all([openSpecRedis(), openSpecRedis()]);
  keys = sealKeys();
  here = replica(store, keys, connections[0]);
  there = replica(store, keys, connections[1]);
  ({ clientId, secret } = await newClient());
});
afterAll(async () => {
  for (const connection of connections) connection.disconnect();
  await store.drop();
});

const newClient = async () => {
  const made = await here.clients.create({ name: 'Acme', settings: settings.parse({}) });
  return { clientId: made.client.clientId, secret: made.linkSecret.secret };
};
const good = (claims: object = {}, by = secret) => signedLink(by, { userId: 'u', iat: nowSeconds(), ...claims });
const park = async (userToken: string, rest: { callbackPath?: string } = {}, client = clientId) =>
  (await here.park.run({ clientId: client, userToken, ...rest })).handle;
const follow = (handle: string, on = there, by = attempt()) => on.verifyLink.run({ handle, attempt: by });
const keyOf = (handle: string) => `token:parked:${sha256(handle).toString('base64url')}`;
const lastFact = async () => (await factsOf(store)).at(-1);

describe('a parked link', () => {
  it('goes on as if it had come directly, and brings its callbackPath', async () => {
    const userToken = good({ email: 'a@example.com', jti: 'j' });
    const handle = await park(userToken, { callbackPath: '/orders?x=1' });
    expect(handle).toMatch(/^[0-9A-Za-z]{43}$/);
    const direct = await here.verifyLink.run({ clientId, userToken, attempt: attempt() });
    expect(await follow(handle)).toEqual({ ...direct, callbackPath: '/orders?x=1' });
    expect(await follow(await park(userToken))).toEqual(direct);
  });

  it('is read and never taken: the same request may come twice', async () => {
    const handle = await park(good());
    const [first, second] = await Promise.all([follow(handle, here), follow(handle, there)]);
    expect(first).toEqual(second);
    expect(await follow(handle)).toEqual(first);
  });

  it('rests sealed, under the digest of its handle, for a minute', async () => {
    const userToken = good({ userId: 'canary-user' });
    const handle = await park(userToken, { callbackPath: '/canary' });
    const value = (await connections[0].get(keyOf(handle))) ?? '';
    expect(value.length).toBeGreaterThan(userToken.length);
    const bytes = Buffer.from(value.slice(value.indexOf('.') + 1), 'base64url').toString('latin1');
    for (const part of ['canary', clientId, handle, ...userToken.split('.')]) expect(value + bytes).not.toContain(part);
    const ttl = await connections[0].ttl(keyOf(handle));
    expect(ttl).toBeGreaterThan(50);
    expect(ttl).toBeLessThanOrEqual(60);
  });

  it('does not open under another handle', async () => {
    const [mine, other] = [await park(good()), await park(good())];
    await connections[0].set(keyOf(other), (await connections[0].get(keyOf(mine))) ?? '');
    await expect(follow(other)).rejects.toThrow();
  });

  it.each<[string, (handle: string) => string | Promise<string>]>([
    ['expired', (handle) => connections[0].del(keyOf(handle)).then(() => handle)],
    ['was never given', () => 'x'.repeat(43)],
    ['is none', () => 'x'],
    ['is empty', () => ''],
    ['reaches for another key', () => '../once:*'],
  ])('whose handle %s is refused, under nobody', async (_, change) => {
    const by = attempt();
    const handle = await change(await park(good()));
    await expect(follow(handle, there, by)).rejects.toMatchObject({ code: 'link.refused', detail: undefined });
    expect(await lastFact()).toMatchObject({
      clientId: '_',
      type: 'link.refused',
      body: { reason: 'parked_expired', support: by.support },
    });
  });

  it.each<[string, () => string]>([
    ['malformed', () => 'x'],
    ['signature', () => good({}, 'x'.repeat(43))],
    ['expired', () => good({ exp: nowSeconds() - 31 })],
    ['claims', () => good({ userId: '' })],
  ])('that is no good (%s) is not kept: only why, recorded when the handle comes', async (reason, token) => {
    const before = (await factsOf(store)).length;
    const handle = await park(token(), { callbackPath: `/${'x'.repeat(2000)}` });
    expect(await factsOf(store)).toHaveLength(before);
    expect(await connections[0].strlen(keyOf(handle))).toBeLessThan(200);
    const by = attempt();
    await expect(follow(handle, there, by)).rejects.toMatchObject({ code: 'link.refused' });
    expect(await lastFact()).toMatchObject({ clientId, subject: `link/${by.support}`, body: { reason } });
  });

  it.each(['nobody00', 'canary/../*', ''])('of an unknown client %j is recorded under nobody', async (stranger) => {
    const handle = await park(good(), {}, stranger);
    await expect(follow(handle)).rejects.toMatchObject({ code: 'link.refused' });
    expect(await lastFact()).toMatchObject({ clientId: '_', body: { reason: 'unknown_client' } });
    expect(JSON.stringify(await lastFact())).not.toContain('canary');
  });

  it('is judged again when it is followed', async () => {
    const own = await newClient();
    const handle = await park(good({}, own.secret), {}, own.clientId);
    await there.clients.update({ clientId: own.clientId, status: 'suspended' });
    await expect(follow(handle)).rejects.toMatchObject({ code: 'account.suspended' });
    expect(await lastFact()).toMatchObject({ clientId: own.clientId, body: { reason: 'suspended' } });
  });

  it('needs Redis: without it nothing is parked, nothing followed, nothing refused', async () => {
    await using server = await RedisServer.at();
    await server.up();
    const redis = await openSpecRedis(server.url);
    const alone = replica(store, keys, redis);
    const { handle } = await alone.park.run({ clientId, userToken: good() });
    await server.kill();
    const before = (await factsOf(store)).length;
    const parking = alone.park.run({ clientId, userToken: good() });
    await expect(parking).rejects.toMatchObject({ code: 'service.unavailable' });
    await expect(follow(handle, alone)).rejects.toMatchObject({ code: 'service.unavailable' });
    expect(await factsOf(store)).toHaveLength(before);
    await server.up();
    while (redis.status !== 'ready') await sleep(20);
    expect(await follow(handle, alone)).toMatchObject({ claims: { externalId: 'u' } });
    redis.disconnect();
  });
});
