import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const keys = `a:${Buffer.alloc(32, 1).toString('base64')}`;

/** A start that its settings forbid: what it says, and how it ends. */
async function refused(env: Record<string, string>): Promise<{ says: string; code: unknown }> {
  const program = resolve('dist/apps/segue/src/main.js');
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

  it('refuses what it does not know', async () => {
    expect(await refused({ SERVICES: 'sessions' })).toEqual({ says: expect.stringContaining('  SERVICES: '), code: 1 });
  });
});
