import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { Secret } from '#env/secret';
import { createLog } from '#log/log';
import { openRedis } from '#redis/open';
import { parseLimits } from './limits.js';
import { RateWindows } from './rate-windows.js';

const limits = parseLimits('');
const log = createLog({ service: 'gateway', level: 'silent' });
const connect = (url: string) => openRedis({ url: new Secret(url), strict: false, log });
const tries = (windows: readonly RateWindows[], times: number, key: string, limit: number, ttl = 60_000) =>
  Promise.all(
    Array.from({ length: times }, (_, index) =>
      windows[index % windows.length]!.increment(key, ttl, limit, ttl, 'link'),
    ),
  );

describe('rate windows in Redis', () => {
  let redis: Redis[];
  let gateways: RateWindows[];
  const key = () => `segue:test:${randomUUID()}`;

  beforeAll(async () => {
    const url = process.env['SEGUE_TEST_REDIS'];
    if (!url) throw new Error('SEGUE_TEST_REDIS must name a Redis; `npm test` starts one');
    redis = await Promise.all([connect(url), connect(url)]);
    gateways = redis.map((each) => new RateWindows(each, limits));
  });
  afterAll(() => {
    for (const each of redis) each.disconnect();
  });

  it('lets exactly N of 10 N simultaneous requests pass, over two gateways', async () => {
    const records = await tries(gateways, 500, key(), 50);
    expect(records.filter(({ isBlocked }) => !isBlocked)).toHaveLength(50);
    expect(new Set(records.map(({ totalHits }) => totalHits)).size).toBe(500);
  });

  it('ends a window where its first request began it, however many follow', async () => {
    const name = key();
    await tries(gateways, 3, name, 2, 400);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect((await tries(gateways, 1, name, 2, 400))[0]?.isBlocked).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await tries(gateways, 1, name, 2, 400))[0]).toMatchObject({ isBlocked: false, totalHits: 1 });
  });

  it('says in whole seconds when it ends', async () => {
    const [record] = await tries(gateways, 1, key(), 1, 1_500);
    expect(record?.timeToExpire).toBe(2);
  });
});

describe('rate windows without Redis', () => {
  let nobody: Redis;

  beforeAll(async () => {
    nobody = await connect('redis://127.0.0.1:1');
  });
  afterAll(() => nobody.disconnect());

  it('are counted by this gateway alone', async () => {
    const records = await tries([new RateWindows(nobody, limits)], 40, 'one', 4);
    expect(records.filter(({ isBlocked }) => !isBlocked)).toHaveLength(4);
  });

  it('end as well', async () => {
    const windows = new RateWindows(nobody, limits);
    expect((await tries([windows], 2, 'two', 1, 50)).map(({ isBlocked }) => isBlocked)).toEqual([false, true]);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect((await tries([windows], 1, 'two', 1, 50))[0]?.isBlocked).toBe(false);
  });

  it('are so many at most', async () => {
    const windows = new RateWindows(nobody, limits);
    await tries([windows], 2, 'first', 1);
    for (let other = 0; other < 100_000; other++) await windows.increment(String(other), 60_000, 1, 60_000, 'link');
    expect((await tries([windows], 1, 'first', 1))[0]?.totalHits).toBe(1);
  });

  it('are closed where guessing pays', async () => {
    const windows = new RateWindows(nobody, limits);
    await expect(windows.increment('three', 1000, 10, 1000, 'admin')).rejects.toMatchObject({
      code: 'service.unavailable',
    });
  });
});
