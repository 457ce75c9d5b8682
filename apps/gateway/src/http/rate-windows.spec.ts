import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { Secret } from '#env/secret';
import { createLog } from '#log/log';
import { openRedis } from '#redis/open';
import { RedisServer } from '#redis/redis-server.support';
import { type Limits, parseLimits } from './limits.js';
import { type Count, RateWindows } from './rate-windows.js';

const most = 50;
const lasting = (windowMs: number): Limits => ({ ...parseLimits(''), link: { most, windowMs, guess: false } });
const log = createLog({ service: 'gateway', level: 'silent' });
const connect = (url: string) => openRedis({ url: new Secret(url), strict: false, log });
/** So many requests of one turn of the event loop, spread over gateways. */
const tries = (windows: readonly RateWindows[], times: number, who: string) =>
  Promise.all(Array.from({ length: times }, (_, index) => windows[index % windows.length]!.count('link', who)));
const places = (counts: readonly Count[]) => counts.map(({ hits }) => hits);
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('rate windows in Redis', () => {
  let redis: Redis[];
  let gateways: RateWindows[];
  let brief: RateWindows;

  beforeAll(async () => {
    const url = process.env['SEGUE_TEST_REDIS'];
    if (!url) throw new Error('SEGUE_TEST_REDIS must name a Redis; `npm test` starts one');
    redis = await Promise.all([connect(url), connect(url)]);
    gateways = redis.map((each) => new RateWindows(each, lasting(60_000)));
    brief = new RateWindows(redis[0]!, lasting(400));
  });
  afterAll(() => {
    for (const each of redis) each.disconnect();
  });

  it('gives each of 10 N simultaneous requests its own place, over two gateways: exactly N pass', async () => {
    const counts = places(await tries(gateways, 10 * most, randomUUID()));
    expect(counts.filter((hits) => hits <= most)).toHaveLength(most);
    expect(counts.sort((a, b) => a - b)).toEqual(upTo(10 * most));
  });

  it('counts in the order in which requests came, within a turn and from turn to turn', async () => {
    const [who, gateway] = [randomUUID(), [gateways[0]!]];
    const first = tries(gateway, 20, who);
    await new Promise(setImmediate);
    const second = tries(gateway, 20, who);
    expect(places([...(await first), ...(await second)])).toEqual(upTo(40));
    expect(places(await tries(gateway, 2, who))).toEqual([41, 42]);
  });

  it('tells the windows of one turn apart, however many there are', async () => {
    const callers = Array.from({ length: 700 }, () => randomUUID());
    const counted = await Promise.all(callers.map((who, index) => tries(gateways, 1 + (index % 4), who)));
    for (const [index, counts] of counted.entries()) {
      expect(Math.max(...places(counts))).toBe(1 + (index % 4));
      expect(new Set(places(counts)).size).toBe(1 + (index % 4));
    }
  });

  it('ends a window where its first request began it, however many follow', async () => {
    const who = randomUUID();
    await tries([brief], 3, who);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(places(await tries([brief], 1, who))).toEqual([4]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(places(await tries([brief], 1, who))).toEqual([1]);
  });

  it('says when it ends, and gives one without an end its end', async () => {
    const who = randomUUID();
    await redis[0]!.set(`segue:limit:link:${who}`, 7);
    const [count] = await tries(gateways, 1, who);
    expect(count).toMatchObject({ hits: 8 });
    expect(count!.endsInMs).toBeGreaterThan(59_000);
    expect(count!.endsInMs).toBeLessThanOrEqual(60_000);
  });
});

describe('rate windows without Redis', () => {
  let nobody: Redis;
  const alone = (windowMs = 60_000) => [new RateWindows(nobody, lasting(windowMs))];

  beforeAll(async () => {
    nobody = await connect('redis://127.0.0.1:1');
  });
  afterAll(() => nobody.disconnect());

  it('are counted by this gateway alone, the requests of a turn too', async () => {
    const windows = alone();
    expect(places(await tries(windows, 40, 'one'))).toEqual(upTo(40));
    expect(places(await tries(windows, 2, 'one'))).toEqual([41, 42]);
  });

  it('end as well', async () => {
    const windows = alone(50);
    expect(places(await tries(windows, 2, 'two'))).toEqual([1, 2]);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(places(await tries(windows, 1, 'two'))).toEqual([1]);
  });

  it('are so many at most', async () => {
    const [windows] = alone() as [RateWindows];
    await tries([windows], 2, 'first');
    for (let other = 0; other < 100_000; other++) await windows.count('link', String(other));
    expect(places(await tries([windows], 1, 'first'))).toEqual([1]);
  });

  it('are closed where guessing pays', async () => {
    await expect(alone()[0]!.count('admin', 'three')).rejects.toMatchObject({ code: 'service.unavailable' });
  });
});

describe('rate windows of a Redis that stops answering', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.at();
    await server.up();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('wait for it once, leave it alone for a second, and count there again', async () => {
    const redis = await openRedis({ url: server.url, strict: false, log });
    const windows = [new RateWindows(redis, lasting(60_000))];
    expect(places(await tries(windows, 3, 'all'))).toEqual([1, 2, 3]);

    server.pause();
    const begun = performance.now();
    const held = tries(windows, 2, 'all');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const behind = tries(windows, 2, 'all');
    const guess = windows[0]!.count('admin', 'all');
    await expect(guess).rejects.toMatchObject({ code: 'service.unavailable' });
    expect(places([...(await held), ...(await behind)])).toEqual([1, 2, 3, 4]);
    expect(performance.now() - begun).toBeLessThan(800);

    const resting = performance.now();
    expect(places(await tries(windows, 1, 'all'))).toEqual([5]);
    expect(performance.now() - resting).toBeLessThan(100);

    server.resume();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(places(await tries(windows, 1, 'all'))[0]).toBeGreaterThanOrEqual(4);
    redis.disconnect();
  });
});
