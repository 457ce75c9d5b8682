import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { KeyHolder, signIn } from '../../support/api-key.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('the limit of signing in with a key', () => {
  let stack: Stack;
  let holder: KeyHolder;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'client-auth=5/1m', TRUSTED_PROXIES: '127.0.0.1' } });
    holder = await KeyHolder.register(new Admin(stack));
  }, startMs);
  afterAll(async () => {
    delete process.env['LIMITS'];
    delete process.env['TRUSTED_PROXIES'];
    await stack?.stop();
  });

  const from = (address: string) => ({ 'x-forwarded-for': address });
  const wrong = (key: string) => `${key.slice(0, -3)}aaa`;

  it('is that of the key wherever it comes from, and exact', async () => {
    const { key } = await holder.newKey([]);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => signIn(stack.url, key, {}, from(`192.0.2.${index}`))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const [late] = answers.filter(({ status }) => status === 429);
    expect(late?.json()).toEqual({ error: 'too_many_requests', message: 'Too many requests.' });
    expect(Number(late?.headers['retry-after'])).toBeGreaterThan(0);
    expect(late?.headers['ratelimit-policy']).toBe('"client-auth";q=5;w=60');
    const other = await holder.newKey([]);
    expect((await signIn(stack.url, other.key, {}, from('192.0.2.1'))).status).toBe(200);
  });

  it('is not used up by strangers', async () => {
    const { key } = await holder.newKey([]);
    const here = from('198.51.100.1');
    const statuses = [];
    for (let turn = 0; turn < 7; turn++) statuses.push((await signIn(stack.url, wrong(key), {}, here)).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    // Not even by those who share its address.
    const own = await signIn(stack.url, key, {}, here);
    expect([own.status, own.headers['ratelimit']]).toEqual([200, expect.stringMatching(/^"client-auth";r=4;/)]);
    expect((await signIn(stack.url, wrong(key), {}, from('198.51.100.2'))).status).toBe(401);
  });

  it('counts for the address what names no key', async () => {
    const here = from('198.51.100.3');
    const answers = [];
    for (let turn = 0; turn < 6; turn++) answers.push(await signIn(stack.url, '', {}, here));
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 429]);
    expect(answers[0]?.headers['ratelimit']).toMatch(/^"client-auth";r=4;/);
  });
});
