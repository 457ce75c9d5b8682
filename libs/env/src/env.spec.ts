import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { EnvError, readEnv } from './env.js';
import { developmentDefault, duration, flag, port, secret } from './fields.js';
import type { Secret } from './secret.js';

const schema = z.object({
  NODE_ENV: z.enum(['development', 'production']).default('development'),
  PORT: port(8080),
  ADMIN_KEY: developmentDefault(secret(), 'let-me-in').describe('the key'),
  GRACE: duration('15m'),
  TRACE_ENABLED: flag(true),
});

const problemsOf = (variables: Record<string, string>): readonly string[] => {
  try {
    readEnv(schema, variables);
    return [];
  } catch (error) {
    if (error instanceof EnvError) return error.problems;
    throw error;
  }
};

describe('readEnv', () => {
  it('fills defaults, reads durations as milliseconds and freezes', () => {
    const env = readEnv(schema, { GRACE: '30s', TRACE_ENABLED: 'false' });
    expect(env).toMatchObject({ PORT: 8080, GRACE: 30_000, TRACE_ENABLED: false });
    expect(Object.isFrozen(env)).toBe(true);
  });

  it('tells all problems together and never a value', () => {
    const problems = problemsOf({ PORT: '99999', GRACE: 'soon' });
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toMatch(/99999|soon/);
  });

  it('reads NAME_FILE, and says which file cannot be read', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'env-')), 'key');
    writeFileSync(path, 'from-a-file\n');
    expect((readEnv(schema, { ADMIN_KEY_FILE: path }).ADMIN_KEY as Secret).reveal()).toBe('from-a-file');
    expect(problemsOf({ ADMIN_KEY_FILE: '/nowhere' })).toEqual(['ADMIN_KEY_FILE: the file cannot be read']);
  });

  it.each([{}, { ADMIN_KEY: 'let-me-in' }])('refuses a development default in production: %j', (given) => {
    expect(problemsOf({ NODE_ENV: 'production', ...given })).toEqual([expect.stringContaining('ADMIN_KEY')]);
    expect(problemsOf({ NODE_ENV: 'production', ADMIN_KEY: 'something-else' })).toEqual([]);
  });

  it('never prints a secret', () => {
    const { ADMIN_KEY } = readEnv(schema, { ADMIN_KEY: 'hush' });
    expect([`${ADMIN_KEY}`, JSON.stringify({ ADMIN_KEY }), inspect({ ADMIN_KEY })].join()).not.toContain('hush');
  });
});
