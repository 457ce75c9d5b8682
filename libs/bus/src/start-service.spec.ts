import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Line } from './bus.module.js';
import { greeter } from './greeter.support.js';
import { NatsServer } from './nats-server.support.js';
import { openSpecLine } from './replica.support.js';

interface Started {
  readonly child: ChildProcess;
  readonly stderr: string[];
  readonly lines: Record<string, unknown>[];
  readonly exit: Promise<number | null>;
}

function start(env: Record<string, string>): Started {
  const child = spawn(process.execPath, [resolve('dist/libs/bus/src/greeter.support.js')], {
    env: { HOST: '127.0.0.1', OPS_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const started = {
    child,
    stderr: [] as string[],
    lines: [] as Record<string, unknown>[],
    exit: once(child, 'close').then(([code]) => code as number | null),
  };
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const parts = `${rest}${chunk}`.split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) started.lines.push(JSON.parse(part));
  });
  child.stderr.on('data', (chunk) => started.stderr.push(String(chunk)));
  return started;
}

describe('startService', () => {
  let nats: NatsServer;
  let asker: Line;
  let running: Started | undefined;

  beforeAll(async () => {
    nats = await NatsServer.start();
    asker = openSpecLine(nats.url);
  });

  afterEach(() => {
    running?.child.kill('SIGKILL');
  });

  afterAll(async () => {
    asker.requests.close();
    await asker.connection.close();
    await nats[Symbol.asyncDispose]();
  });

  const good = () => ({ GREETING: 'hello', TIMES: '1', NATS_URL: nats.url.reveal() });

  async function serving(env: Record<string, string> = good()): Promise<Started & { ops: string }> {
    const service = start(env);
    running = service;
    while (true) {
      const line = service.lines.find(({ msg }) => msg === 'serving');
      if (line) return { ...service, ops: String(line['ops']) };
      if (service.child.exitCode !== null) throw new Error(service.stderr.join(''));
      await delay(20);
    }
  }

  it('prints every problem of its settings as one list and exits 1', async () => {
    const { exit, stderr, lines } = start({ TIMES: 'many', OPS_PORT: '99999' });
    expect(await exit).toBe(1);
    const list = stderr.join('');
    expect(list).toMatch(/^greeter cannot start\./);
    for (const name of ['GREETING', 'TIMES', 'OPS_PORT']) expect(list).toContain(`  ${name}: `);
    expect(list).not.toMatch(/ at .*\.js/);
    expect(lines).toEqual([]);
  });

  it('serves, is ready, and leaves on SIGTERM after finishing what it has', async () => {
    const { child, ops, exit, lines } = await serving();
    await asker.connection.ready;
    expect((await fetch(`${ops}/health/ready`)).status).toBe(200);
    const inHand = asker.bus.ask(greeter.greet, { ms: 300 });
    await delay(100);
    child.kill('SIGTERM');
    child.kill('SIGTERM');
    await expect(inHand).resolves.toBe('hello');
    expect(await exit).toBe(0);
    expect(lines.filter(({ msg }) => msg === 'stopping')).toHaveLength(1);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('is live and not ready while it waits for NATS, then serves without help', async () => {
    await nats.kill();
    const port = 20_000 + (process.pid % 10_000);
    const service = start({ ...good(), OPS_PORT: String(port) });
    running = service;
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    while (!(await get('/health/live'))) await delay(20);
    const ready = await get('/health/ready');
    expect(ready?.status).toBe(503);
    expect(await ready?.json()).toMatchObject({ details: { process: { status: 'down' }, nats: { status: 'down' } } });
    await nats.up();
    while ((await get('/health/ready'))?.status !== 200) await delay(20);
    service.child.kill('SIGINT');
    expect(await service.exit).toBe(0);
  });

  it('can be stopped while it waits for NATS', async () => {
    const service = start({ ...good(), NATS_URL: 'nats://127.0.0.1:1' });
    running = service;
    while (!service.lines.some(({ msg }) => msg === 'waiting for NATS')) await delay(20);
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(0);
  });

  it('logs an error nobody caught and exits 1', async () => {
    const { exit, lines } = await serving();
    void asker.bus.ask(greeter.crash, {}).catch(() => undefined);
    expect(await exit).toBe(1);
    expect(lines.at(-1)).toMatchObject({ level: 'error', err: { message: 'nobody catches this' } });
  });
});
