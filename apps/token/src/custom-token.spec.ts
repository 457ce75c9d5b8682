import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { attempt, factsOf, nowSeconds, openSpecRedis, openStore, replica, sealKeys } from './testing.js';

let store: ScratchStore;
let connections: [Redis, Redis];
let here: ReturnType<typeof replica>;
let there: ReturnType<typeof replica>;
let clientId: string;
beforeAll(async () => {
  store = await openStore();
  connections = await Promise.all([openSpecRedis(), openSpecRedis()]);
  const keys = sealKeys();
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
interface Made {
  readonly userId: string;
  readonly externalId: string;
  readonly epoch: number;
}
const someone = (): Made => ({ userId: randomUUID(), externalId: `u${randomBytes(4).toString('hex')}`, epoch: 3 });
const offer = async (user: Made, { length = 6, ttlSeconds = 900, on = here, of = clientId } = {}) =>
  on.offerCustom.run({ purpose: 'custom-token', clientId: of, ...user, length, ttlSeconds });
const claim = (externalId: string, secret: string, { on = here, of = clientId, from = attempt() } = {}) =>
  on.claimCustom.run({ purpose: 'custom-token', clientId: of, externalId, secret, attempt: from });
const refused = { code: 'code.refused', detail: undefined };
const factsAbout = async (id = clientId) => (await factsOf(store)).filter((fact) => fact.clientId === id).slice(2);
const lastReason = async (id = clientId) => (await factsAbout(id)).at(-1)?.body['reason'];

describe('a custom token', () => {
  it.each([6, 15, 16, 32, 128])('of %i digits is claimed once, on another replica too', async (length) => {
    const user = someone();
    const { secret, tokenId, expiresAt } = await offer(user, { length });
    expect(secret).toMatch(new RegExp(`^[0-9a-f]{${length}}$`));
    expect(Math.abs(expiresAt - nowSeconds() - 900)).toBeLessThanOrEqual(2);
    expect(await claim(user.externalId, secret, { on: there })).toEqual({
      client: { clientId, epoch: 0, settings: settings.parse({}) },
      ...{ tokenId, expiresAt, ...user, parentId: null },
    });
    await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
    const about = { clientId, subject: `token/${tokenId}` };
    const body = { tokenId, userId: user.userId, purpose: 'custom-token' };
    expect(await factsAbout()).toMatchObject([
      { ...about, type: 'token.offered', body },
      { ...about, type: 'token.claimed', body },
      { type: 'token.claim_failed', body: { purpose: 'custom-token', reason: 'wrong' } },
    ]);
  });

  it.each([6, 32])('of %i digits has one winner of fifty, over two replicas', async (length) => {
    const user = someone();
    const { secret } = await offer(user, { length });
    const claims = Array.from({ length: 50 }, (_, i) => claim(user.externalId, secret, { on: i % 2 ? here : there }));
    const results = await Promise.allSettled(claims);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const codes = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
    expect(new Set(codes)).toEqual(new Set(['code.refused']));
  });
});
