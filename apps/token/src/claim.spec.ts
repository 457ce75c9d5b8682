import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { RedisServer } from '#redis/redis-server.support';
import { attempt, factsOf, nowSeconds, openSpecRedis, openStore, replica, sealKeys } from './testing.js';

let store: ScratchStore;
let connections: [Redis, Redis];
let here: ReturnType<typeof replica>;
let there: ReturnType<typeof replica>;
let keys: ReturnType<typeof sealKeys>;
let clientId: string;
beforeAll(async () => {
  store = await openStore();
  connections = await Promise.all([openSpecRedis(), openSpecRedis()]);
  keys = sealKeys();
  here = replica(store, keys, connections[0]);
  there = replica(store, keys, connections[1]);
});
afterAll(async () => {
  for (const connection of connections) connection.disconnect();
  await store.drop();
});
beforeEach(async () => {
  clientId = await newClient();
});

const newClient = async () =>
  (await here.clients.create({ name: 'Acme', settings: settings.parse({}) })).client.clientId;
const landing = 'https://app.example';
const bound = () => ({ purpose: 'landing' as const, userId: randomUUID(), parentId: randomUUID(), landing });
const offer = async (ttlSeconds = 60, on = here) => {
  const told = bound();
  return { ...told, ...(await on.offer.run({ clientId, ttlSeconds, ...told })) };
};
type By = Extract<Parameters<typeof here.claim.run>[0], { purpose: 'landing' }>['by'];
const claim = (secret: string, by: By = { landing }, on = here, from = attempt()) =>
  on.claim.run({ purpose: 'landing', secret, by, attempt: from });
const keysOfClient = () => connections[0].keys(`token:once:*${clientId}*`);
const factsAbout = async (id = clientId) => (await factsOf(store)).filter((fact) => fact.clientId === id).slice(2);
const lastReason = async () => {
  const last = (await factsOf(store)).at(-1);
  return `${last?.type} ${last?.clientId === clientId ? 'ours' : last?.clientId} ${last?.body['reason']}`;
};

describe('a one-time token', () => {
  it('is claimed at its landing once, on another replica too, and both deeds are told', async () => {
    const { secret, userId, parentId } = await offer();
    expect(secret).toMatch(new RegExp(`^segue_code_${clientId}_[0-9A-Za-z]{43}$`));
    const { client, tokenId, expiresAt, ...rest } = await claim(secret, { landing }, there);
    expect({ client, rest }).toEqual({
      client: { clientId, epoch: 0, lifetimes: { access: 900, session: 1_296_000 } },
      rest: { userId, parentId, epoch: null, externalId: null },
    });
    expect(tokenId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(Math.abs(expiresAt - nowSeconds() - 60)).toBeLessThanOrEqual(2);
    await expect(claim(secret)).rejects.toMatchObject({ code: 'code.refused' });
    expect(await keysOfClient()).toEqual([]);
    const about = { clientId, subject: `token/${tokenId}`, body: { tokenId, userId, purpose: 'landing' } };
    expect(await factsAbout()).toEqual([
      { ...about, type: 'token.offered' },
      { ...about, type: 'token.claimed' },
      expect.objectContaining({ type: 'token.claim_failed', body: expect.objectContaining({ reason: 'unknown' }) }),
    ]);
  });

  it('is claimed by the backend of its client, wherever it was to land', async () => {
    const { secret, userId } = await offer();
    expect(await claim(secret, { clientId })).toMatchObject({ userId });
  });

  it.each([1, 2])('has one winner of fifty, over two replicas (%i)', async () => {
    const { secret } = await offer();
    const by = (i: number): By => (i % 3 ? { landing } : { clientId });
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => claim(secret, by(i), i % 2 ? here : there)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const codes = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
    expect(new Set(codes)).toEqual(new Set(['code.refused']));
    const types = (await factsAbout()).map(({ type }) => type);
    expect(types.filter((type) => type === 'token.claimed')).toHaveLength(1);
    expect(types.filter((type) => type === 'token.claim_failed')).toHaveLength(49);
  });

  it('is not consumed by whoever may not have it', async () => {
    const { secret, userId } = await offer();
    const other = await newClient();
    for (const by of [{ landing: 'https://evil.example' }, { landing: '' }, { clientId: other }]) {
      await expect(claim(secret, by)).rejects.toMatchObject({ code: 'code.refused', detail: undefined });
      expect(await lastReason()).toBe('token.claim_failed ours claimer');
    }
    expect(await claim(secret)).toMatchObject({ userId });
  });

  it('is not found under another client, nor made of another text', async () => {
    const { secret, userId } = await offer();
    const other = await newClient();
    await expect(claim(secret.replace(clientId, other), { clientId: other })).rejects.toMatchObject({
      code: 'code.refused',
    });
    expect((await factsAbout(other)).at(-1)?.body).toMatchObject({ reason: 'unknown' });
    await expect(claim(secret.replace(clientId, 'nobody00'))).rejects.toMatchObject({ code: 'code.refused' });
    expect(await lastReason()).toBe('token.claim_failed _ unknown');
    for (const text of [secret.slice(0, -1), secret.replace('_code_', '_ott_'), 'canary']) {
      await expect(claim(text)).rejects.toMatchObject({ code: 'code.refused' });
      expect(await lastReason()).toBe('token.claim_failed _ malformed');
    }
    expect(JSON.stringify(await factsOf(store))).not.toContain('canary');
    expect(await claim(secret)).toMatchObject({ userId });
  });

  it('waits for a client that is suspended, and tells of it only whoever may have it', async () => {
    const { secret, userId } = await offer();
    await expect(claim(secret, { landing: 'https://evil.example' }, there)).rejects.toMatchObject({
      code: 'code.refused',
    });
    await here.clients.update({ clientId, status: 'suspended' });
    await expect(claim(secret)).rejects.toMatchObject({ code: 'account.suspended' });
    expect(await lastReason()).toBe('token.claim_failed ours suspended');
    await expect(claim(secret, { landing: 'https://evil.example' })).rejects.toMatchObject({ code: 'code.refused' });
    // known here as suspended, restored elsewhere: the second look finds it
    await there.clients.update({ clientId, status: 'active' });
    expect(await claim(secret)).toMatchObject({ userId, client: { epoch: 1 } });
  });

  it('dies with its time', async () => {
    const { secret } = await offer(1);
    expect(await connections[0].pttl((await keysOfClient())[0] ?? '')).toBeLessThanOrEqual(1000);
    await sleep(1100);
    await expect(claim(secret)).rejects.toMatchObject({ code: 'code.refused' });
  });

  it('brought back by an old copy of Redis has its time in itself', async () => {
    const { secret } = await offer(1);
    const [key = ''] = await keysOfClient();
    const value = (await connections[0].get(key)) ?? '';
    await sleep(2100);
    await connections[0].set(key, value, 'EX', 60);
    await expect(claim(secret)).rejects.toMatchObject({ code: 'code.refused' });
    expect(await lastReason()).toBe('token.claim_failed ours expired');
  });

  it('stands nowhere in clear, and under a prefix of our own', async () => {
    const { secret } = await offer();
    const [key = ''] = await keysOfClient();
    expect(key).toMatch(new RegExp(`^token:once:${clientId}:[0-9A-Za-z_-]{43}$`));
    await claim(secret, { landing: 'https://evil.example' }).catch(() => {});
    const rested = [key, await connections[0].get(key), JSON.stringify(await factsOf(store))].join();
    expect(rested).toContain(clientId);
    expect(rested).not.toContain(secret.slice(-43));
  });

  it('of a flood of guesses is told singly 600 times, then counted', async () => {
    const flooded = replica(store, keys, connections[0]);
    const secret = `segue_code_${clientId}_${'x'.repeat(43)}`;
    const from = Array.from({ length: 650 }, () => attempt('flood'));
    await Promise.allSettled(from.map((by) => claim(secret, { landing }, flooded, by)));
    await flooded.refusals.onModuleDestroy();
    const bodies = (await factsAbout()).map(({ body }) => body);
    expect(bodies.filter((body) => !('count' in body))).toHaveLength(600);
    expect(bodies.filter((body) => 'count' in body)).toMatchObject([{ reason: 'unknown', count: 50 }]);
    const named = bodies.flatMap((body) => (body['supports'] as string[] | undefined) ?? [body['support']]);
    expect(new Set(named)).toEqual(new Set(from.map(({ support }) => support)));
  });

  it('whose taking cannot be told is in doubt, not available', async () => {
    const { secret } = await offer();
    await claim(secret, { landing: 'https://evil.example' }).catch(() => {});
    await store.dataSource.query('ALTER TABLE outbox RENAME TO gone');
    try {
      await expect(claim(secret)).rejects.toMatchObject({ code: 'service.silent' });
    } finally {
      await store.dataSource.query('ALTER TABLE gone RENAME TO outbox');
    }
    expect(await keysOfClient()).toEqual([]);
  });
});

describe('a token for whoever holds it', () => {
  const holder = () => ({
    purpose: 'one-time' as const,
    userId: randomUUID(),
    externalId: 'käthe',
    epoch: 2,
    parentId: randomUUID(),
  });
  const offerToHolder = async (ttlSeconds = 60) => {
    const told = holder();
    return { told, ...(await here.offer.run({ clientId, ttlSeconds, ...told })) };
  };
  const take = (secret: string, unlessOther?: string, on = here) =>
    on.claim.run({ purpose: 'one-time', secret, unlessOther, attempt: attempt() });

  it('is claimed once, with all that was said of its user', async () => {
    const { told, secret, tokenId, expiresAt } = await offerToHolder();
    expect(secret).toMatch(new RegExp(`^segue_ott_${clientId}_[0-9A-Za-z]{43}$`));
    const { purpose, ...user } = told;
    expect(await take(secret, undefined, there)).toEqual({
      client: { clientId, epoch: 0, lifetimes: { access: 86_400, session: 1_296_000 } },
      tokenId,
      expiresAt,
      ...user,
    });
    await expect(take(secret)).rejects.toMatchObject({ code: 'code.refused' });
    const about = { clientId, subject: `token/${tokenId}`, body: { tokenId, userId: told.userId, purpose } };
    expect(await factsAbout()).toMatchObject([
      { ...about, type: 'token.offered' },
      { ...about, type: 'token.claimed' },
      { type: 'token.claim_failed', body: { purpose, reason: 'unknown' } },
    ]);
  });

  it('may be of a user without an id of the client', async () => {
    const { externalId: _, ...told } = holder();
    const { secret } = await here.offer.run({ clientId, ttlSeconds: 60, ...told });
    expect(await take(secret)).toMatchObject({ userId: told.userId, epoch: 2, externalId: null });
  });

  it('has one winner of fifty, over two replicas', async () => {
    const { secret, told } = await offerToHolder();
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => take(secret, i % 3 ? told.userId : undefined, i % 2 ? here : there)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const codes = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
    expect(new Set(codes)).toEqual(new Set(['code.refused']));
  });

  it('of one moment share a command, and each is its own', async () => {
    const offered = await Promise.all(Array.from({ length: 250 }, () => offerToHolder()));
    expect(new Set(offered.map(({ secret }) => secret)).size).toBe(250);
    // every third is presented twice at once
    const presented = offered.flatMap((each, index) => (index % 3 ? [each] : [each, each]));
    const taken = await Promise.allSettled(presented.map(({ secret }) => take(secret)));
    for (const each of offered) {
      const mine = taken.filter((_, index) => presented[index] === each);
      const got = mine.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(got).toMatchObject([{ tokenId: each.tokenId, userId: each.told.userId }]);
    }
    expect(await keysOfClient()).toEqual([]);
  });

  it('brought back by an old copy of Redis has its time in itself', async () => {
    const { secret } = await offerToHolder(1);
    const [key = ''] = await keysOfClient();
    const value = (await connections[0].get(key)) ?? '';
    await sleep(2100);
    await connections[0].set(key, value, 'EX', 60);
    await expect(take(secret)).rejects.toMatchObject({ code: 'code.refused' });
    expect(await lastReason()).toBe('token.claim_failed ours expired');
  });

  it('asks first where somebody else is signed in, and is spent then', async () => {
    const { secret, told } = await offerToHolder();
    for (const other of [randomUUID(), '', told.userId.toUpperCase()]) {
      await expect(take(secret, other)).rejects.toMatchObject({ code: 'claim.questioned' });
    }
    expect(await take(secret)).toMatchObject({ userId: told.userId });
    await expect(take(secret, randomUUID())).rejects.toMatchObject({ code: 'code.refused' });
  });

  it('is spent at once where its own user is signed in', async () => {
    const { secret, told } = await offerToHolder();
    expect(await take(secret, told.userId)).toMatchObject({ userId: told.userId });
  });

  it('is not consumed where another purpose is asked, nor while its client is suspended', async () => {
    const { secret, told } = await offerToHolder();
    const asLanding = claim(secret.replace('_ott_', '_code_'), { clientId });
    await expect(asLanding).rejects.toMatchObject({ code: 'code.refused' });
    await expect(claim(secret, { clientId })).rejects.toMatchObject({ code: 'code.refused' });
    await here.clients.update({ clientId, status: 'suspended' });
    await expect(take(secret)).rejects.toMatchObject({ code: 'account.suspended' });
    await here.clients.update({ clientId, status: 'active' });
    expect(await take(secret)).toMatchObject({ userId: told.userId });
  });
});

describe('without Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.at();
  });
  afterEach(() => server.kill());
  afterAll(() => server[Symbol.asyncDispose]());

  it('nothing is offered or taken, and a waiting token outlives the outage', async () => {
    await server.up();
    const redis = await openSpecRedis(server.url);
    const alone = replica(store, keys, redis);
    const { secret, userId } = await offer(60, alone);
    await server.kill();
    await expect(offer(60, alone)).rejects.toMatchObject({ code: 'service.unavailable' });
    await expect(claim(secret, { landing }, alone)).rejects.toMatchObject({ code: 'service.unavailable' });
    const held = `segue_ott_${clientId}_${'x'.repeat(43)}`;
    const taking = alone.claim.run({ purpose: 'one-time', secret: held, attempt: attempt() });
    await expect(taking).rejects.toMatchObject({ code: 'service.unavailable' });
    await server.up();
    while (redis.status !== 'ready') await sleep(20);
    expect(await claim(secret, { landing }, alone)).toMatchObject({ userId });
    redis.disconnect();
  });

  it('a take whose answer is lost is in doubt', async () => {
    await server.up();
    const redis = await openSpecRedis(server.url);
    const alone = replica(store, keys, redis);
    const { secret } = await offer(60, alone);
    const { OneTimeTokenStore } = await import('./store/one-time-token.store.js');
    const { readSecret } = await import('./domain/one-time-token.js');
    const named = readSecret('landing', secret);
    server.pause();
    const taken = named && new OneTimeTokenStore(redis).claim(named);
    await expect(taken).rejects.toMatchObject({ code: 'service.silent' });
    server.resume();
    redis.disconnect();
  });
});
