import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { KeyHolder, refresh, signIn } from '../../support/api-key.js';
import { eventually } from '../../support/eventually.js';
import { type Answer, request } from '../../support/http.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';
import { trusting } from '../../support/trusting.js';

describe('while a dependency is down', () => {
  let stack: Stack;
  let key: string;
  let refreshToken: string;
  let sdkToken: string;
  let current: string;

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false });
    const holder = await KeyHolder.register(new Admin(stack), { features: { shortLivedToken: true } });
    ({ key } = await holder.newKey(['tokens.issue']));
    refreshToken = (await signIn(stack.url, key)).json().refresh_token;
    sdkToken = (await mint()).json().token;
    await trusting(stack);
  }, startMs);
  afterAll(() => stack?.stop());

  const mint = () => request(`${stack.url}/api/clients/jwt/token`, { headers: { apikey: key } });
  const traced = () =>
    request(`${stack.url}/v1/auth`, { method: 'TRACE', headers: { authorization: `Bearer ${refreshToken}` } });

  const expectDown = (answer: Answer, outcome: 'not_executed' | 'unknown', body: object) => {
    expect([answer.status, answer.headers['segue-outcome']]).toEqual([503, outcome]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.json()).toEqual(body);
  };
  const of001 = { message: expect.any(String) };
  const of002 = { error: 'temporarily_unavailable', message: expect.any(String) };

  // One falls after the other, and only the session service comes back.
  it('the session service, which may have opened something before it fell silent', async () => {
    stack.signal('session', 'SIGSTOP');
    const began = performance.now();
    const answers = await Promise.all([signIn(stack.url, key), refresh(stack.url, refreshToken), traced()]);
    for (const answer of answers) expectDown(answer, 'unknown', of002);
    expect(performance.now() - began).toBeLessThan(4_700);
    expect((await mint()).status).toBe(200);
    stack.signal('session', 'SIGCONT');
    const answer = await eventually(
      () => refresh(stack.url, refreshToken),
      ({ status }) => status === 200,
    );
    current = answer.json().refresh_token;
  });

  it('Redis: what nobody can guess goes on', async () => {
    stack.signal('Redis', 'SIGKILL');
    await sleep(200);
    expect((await signIn(stack.url, key)).status).toBe(200);
    const { refresh_token } = (await signIn(stack.url, key)).json();
    expect((await refresh(stack.url, refresh_token)).status).toBe(200);
    expect((await mint()).status).toBe(200);
  });

  it('the token service: nobody gets a token; a session that has moved on can be asked for again', async () => {
    stack.signal('token', 'SIGKILL');
    await sleep(3_100);
    expectDown(await signIn(stack.url, key), 'not_executed', of002);
    expectDown(await mint(), 'not_executed', of001);
    expectDown(await refresh(stack.url, current), 'unknown', of002);
  });

  it('NATS: nothing is done, in the words of each protocol', async () => {
    stack.signal('NATS', 'SIGKILL');
    await sleep(500);
    for (const answer of [await signIn(stack.url, key), await refresh(stack.url, current), await traced()])
      expectDown(answer, 'not_executed', of002);
    expectDown(await mint(), 'not_executed', of001);
    const sdk = await request(`${stack.url}/v1/client`, { headers: { authorization: `Bearer ${sdkToken}` } });
    expectDown(sdk, 'not_executed', of001);
    const head = await request(`${stack.url}/v1/auth`, { method: 'HEAD' });
    expect(head.status).toBe(200);
  });
});
