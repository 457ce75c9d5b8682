import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { Line } from '#bus/bus.module';
import { openSpecLine } from '#bus/replica.support';
import type { Fact } from '#contracts/fact';
import { settings } from '#contracts/settings';
import { Secret } from '#env/secret';
import { createLog } from '#log/log';
import type { ScratchStore } from '#postgres/testing';
import { ClosedParents } from './closed-parents.js';
import { attempt, openSpecRedis, openStore, replica, sealKeys } from './testing.js';

let store: ScratchStore;
let redis: Redis;
let line: Line;
let closed: ClosedParents;
let service: ReturnType<typeof replica>;
let clientId: string;
beforeAll(async () => {
  store = await openStore();
  redis = await openSpecRedis();
  service = replica(store, sealKeys(), redis);
  line = openSpecLine(new Secret(process.env['SEGUE_TEST_NATS'] ?? ''));
  await line.connection.ready;
  await line.facts.ensure();
  closed = new ClosedParents(line.feed, service.tokens, createLog({ service: 'token', level: 'silent' }));
  closed.onModuleInit();
});
afterAll(async () => {
  closed.onModuleDestroy();
  await line.facts.close();
  line.requests.close();
  await line.connection.close();
  redis.disconnect();
  await store.drop();
});
beforeEach(async () => {
  ({ clientId } = (await service.clients.create({ name: 'Acme', settings: settings.parse({}) })).client);
});

const user = { userId: randomUUID(), epoch: 0 };
const offer = async (parentId: string, ttlSeconds = 60) =>
  (await service.offer.run({ purpose: 'one-time', clientId, ...user, parentId, ttlSeconds })).secret;
const offerLanding = async (parentId: string) => {
  const landing = 'https://app.example';
  const offered = { purpose: 'landing', clientId, userId: user.userId, parentId, landing, ttlSeconds: 60 } as const;
  return (await service.offer.run(offered)).secret;
};
const claim = (secret: string) => service.claim.run({ purpose: 'one-time', secret, attempt: attempt() });
const close = async (sessionId: string, ofClient = clientId) => {
  const about = { id: randomUUID(), at: new Date().toISOString(), traceparent: null, clientId: ofClient };
  const body = { sessionId, userId: user.userId, protocol: 'one-time', reason: 'signed_out' };
  await line.facts.publish({ ...about, type: 'session.closed', subject: `session/${sessionId}`, body } as Fact);
};
const keysOfClient = () => redis.keys(`*${clientId}*`);
const gone = async (expected: number) => {
  for (const end = Date.now() + 5000; (await keysOfClient()).length !== expected; await sleep(20)) {
    if (Date.now() > end) throw new Error(`there are ${(await keysOfClient()).length} keys, not ${expected}`);
  }
};

describe('a session that was closed', () => {
  it('takes along what hangs on it, of both kinds, and nothing else', async () => {
    const parentId = randomUUID();
    const [first] = [await offer(parentId), await offer(parentId), await offerLanding(parentId)];
    const others = await offer(randomUUID());
    expect(await keysOfClient()).toHaveLength(6);
    await close(parentId, 'other000');
    await close(randomUUID());
    await close(parentId);
    await gone(2);
    await expect(claim(first ?? '')).rejects.toMatchObject({ code: 'code.refused' });
    expect(await claim(others)).toMatchObject({ userId: user.userId });
  });

  it('has a list that ends with what it lists, and grows no longer than that', async () => {
    const parentId = randomUUID();
    const [short] = [await offer(parentId, 1)];
    const list = `token:children:${clientId}:${parentId}`;
    expect(await redis.zcard(list)).toBe(1);
    await sleep(2100);
    await offer(parentId);
    expect(await redis.zcard(list)).toBe(1);
    const left = await redis.ttl(list);
    expect(left).toBeGreaterThan(1790);
    expect(left).toBeLessThanOrEqual(1800);
    await expect(claim(short)).rejects.toMatchObject({ code: 'code.refused' });
  });
});
