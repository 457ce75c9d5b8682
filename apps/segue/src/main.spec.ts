import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';

const keys = `a:${Buffer.alloc(32, 1).toString('base64')}`;

const program = resolve('dist/apps/segue/src/main.js');

/** A start that its settings forbid: what it says, and how it ends. */
async function refused(env: Record<string, string>): Promise<{ says: string; code: unknown }> {
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const texts: string[] = [];
  child.stderr.on('data', (text) => texts.push(String(text)));
  const [code] = await once(child, 'close');
  return { says: texts.join(''), code };
}

describe('segue', () => {
  it('tells all problems of the settings of all services together', async () => {
    const { says, code } = await refused({ NODE_ENV: 'production', PORT: 'none', SEAL_KEYS: keys });
    expect(code).toBe(1);
    expect(says).toMatch(/^segue cannot start\./);
    const wrong = ['PORT', 'ADMIN_KEY', 'PEPPER', 'REFRESH_MAC_KEYS', 'DATABASE_URL', 'REDIS_URL', 'NATS_URL'];
    for (const name of wrong) expect(says).toContain(`  ${name}: `);
    expect(says).not.toContain('SEAL_KEYS');
  });

  it('runs the one service that SERVICES names, with no more than its settings', async () => {
    const { says, code } = await refused({ SERVICES: 'session' });
    expect([says.split('\n'), code]).toEqual([
      ['session cannot start. The environment is not usable:', expect.stringContaining('REFRESH_MAC_KEYS'), ''],
      1,
    ]);
  });

  it('can be stopped while every service waits for its store', async () => {
    const nowhere = '127.0.0.1:1';
    const env = {
      ...{ SEAL_KEYS: keys, REFRESH_MAC_KEYS: keys, PORT: '0', OPS_PORT: '0', HOST: '127.0.0.1' },
      ...{ DATABASE_URL: `postgres://${nowhere}/x`, REDIS_URL: `redis://${nowhere}`, NATS_URL: `nats://${nowhere}` },
    };
    const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const exit = once(child, 'exit');
    const lines: Record<string, unknown>[] = [];
    createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line)));
    const schemas = () => lines.flatMap(({ context, msg }) => (/^Waiting/.test(String(msg)) ? [context] : []));
    while (schemas().length < 4) await sleep(20);
    const expected = ['audit', 'identity', 'session', 'token'].map((name) => `Postgres, schema ${name}`);
    expect(schemas().sort()).toEqual(expected);
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('refuses what it does not know', async () => {
    expect(await refused({ SERVICES: 'sessions' })).toEqual({ says: expect.stringContaining('  SERVICES: '), code: 1 });
  });
});
