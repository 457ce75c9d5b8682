import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { createLog } from '#log/log';
import { openRedis } from './open.js';
import { RedisServer } from './redis-server.support.js';

let server: RedisServer;
let redis: Redis | undefined;
const lines: { msg: string }[] = [];
const log = createLog({ service: 'spec', level: 'debug', write: (line) => lines.push(JSON.parse(line)) });

beforeAll(async () => {
  server = await RedisServer.at();
});

beforeEach(() => {
  lines.length = 0;
});

afterEach(async () => {
  if (redis?.status !== 'end') redis?.disconnect();
  await server.kill();
});

afterAll(() => server[Symbol.asyncDispose]());

const open = async (strict = true): Promise<Redis> => {
  redis = await openRedis({ url: server.url, strict, log });
  return redis;
};
const messages = () => lines.map(({ msg }) => msg);

/** Rejections of commands sent now, and the ms until the last of them. */
async function failing(commands: () => Promise<unknown>[]): Promise<{ failed: number; after: number }> {
  const begun = performance.now();
  const results = await Promise.allSettled(commands());
  return { failed: results.filter(({ status }) => status === 'rejected').length, after: performance.now() - begun };
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !condition(); await sleep(20)) {
    if (Date.now() > end) throw new Error('it never came true');
  }
}

describe('Redis', () => {
  it('may be dead when a process starts: commands fail at once, and work when it comes', async () => {
    const begun = performance.now();
    const client = await open();
    expect(performance.now() - begun).toBeLessThan(1500);
    const { failed, after } = await failing(() => [client.get('a'), client.incr('a'), client.multi().incr('a').exec()]);
    expect(failed).toBe(3);
    expect(after).toBeLessThan(250);
    await server.up();
    await until(() => client.status === 'ready');
    expect(await client.get('a')).toBeNull();
    expect(messages()).toEqual(['Redis is lost', 'Redis is connected']);
  });

  it('fails commands in time while it is held, and goes on afterwards', async () => {
    await server.up();
    const client = await open();
    server.pause();
    const first = failing(() => [client.get('a'), client.get('b')]);
    await sleep(50);
    const second = failing(() => [client.get('c'), client.multi().incr('d').pexpire('d', 1000, 'NX').exec()]);
    expect((await first).failed).toBe(2);
    expect((await first).after).toBeLessThan(700);
    expect((await second).failed).toBe(2);
    expect((await second).after).toBeLessThan(1200);
    server.resume();
    expect(await client.set('a', '1')).toBe('OK');
  });

  it('fails at once what was under way when it was killed, and does not send it again', async () => {
    await server.up();
    const client = await open();
    server.pause();
    const lost = failing(() => [client.incr('counter')]);
    await sleep(50);
    await server.kill();
    expect((await lost).failed).toBe(1);
    expect((await lost).after).toBeLessThan(400);
    await server.up();
    await until(() => client.status === 'ready');
    expect(await client.get('counter')).toBeNull();
  });

  it.each([
    { unfit: { appendonly: 'no' }, problem: 'appendonly is not on' },
    { unfit: { policy: 'allkeys-lru' }, problem: 'maxmemory-policy is allkeys-lru instead of noeviction' },
  ])('is refused where $problem', async ({ unfit, problem }) => {
    await server.up(unfit);
    await expect(open()).rejects.toThrow(problem);
  });

  it('is refused too when an unfit one comes back in its place', async () => {
    await server.up();
    const client = await open();
    await server.kill();
    await server.up({ appendonly: 'no' });
    await until(() => client.status === 'end');
    expect(messages()).toContain('this Redis may forget what it was told: it is refused');
    await expect(client.get('a')).rejects.toThrow();
  });

  it('is only warned of where that is allowed', async () => {
    await server.up({ appendonly: 'no' });
    const client = await open(false);
    expect(messages()).toEqual(['this Redis may forget what it was told']);
    expect(await client.set('a', '1')).toBe('OK');
  });

  it('is not called lost when the process leaves it', async () => {
    await server.up();
    (await open()).disconnect();
    await until(() => redis?.status === 'end');
    expect(messages()).toEqual([]);
  });
});
