import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { type Answer, request } from '../../support/http.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';
import { Wallet } from '../../support/wallet.js';

type Part = Parameters<Stack['signal']>[0];

describe('introspection and revocation, while a part is down', () => {
  let stack: Stack;
  let wallet: Wallet;
  const paused = new Set<Part>();

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false });
    wallet = await Wallet.fill(stack, 'mine');
  }, startMs);
  afterAll(() => stack?.stop());
  afterEach(() => {
    for (const part of paused) stack.signal(part, 'SIGCONT');
    paused.clear();
  });

  const pause = (part: Part) => {
    stack.signal(part, 'SIGSTOP');
    paused.add(part);
  };
  const post = (path: string, token: string, key = wallet.key.key) =>
    request(`${stack.url}/oauth2/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token }).toString(),
    });
  const told = ({ status, headers, json }: Answer) => [
    status,
    json().error,
    headers['segue-outcome'],
    Number(headers['retry-after']) > 0,
  ];
  const silent = [503, 'temporarily_unavailable', 'unknown', true];

  it('say so where session falls silent, and end the session when asked again', async () => {
    const refreshToken = await wallet.fresh['refresh token']();
    await post('introspect', 'x');
    pause('session');
    expect(told(await post('introspect', refreshToken))).toEqual(silent);
    expect(told(await post('revoke', refreshToken))).toEqual(silent);
    stack.signal('session', 'SIGCONT');
    paused.clear();
    expect((await post('revoke', refreshToken)).status).toBe(200);
    expect((await post('introspect', refreshToken)).json()).toEqual({ active: false });
  }, 20_000);

  it('say so where token falls silent, and call no key wrong', async () => {
    const asked = { name: 'new', kind: 'private', scopes: [] };
    const { key } = await new Admin(stack).post(`clients/${wallet.clientId}/api-keys`, asked);
    pause('token');
    for (const path of ['introspect', 'revoke']) expect(told(await post(path, 'x', key))).toEqual(silent);
  }, 20_000);

  it('go on without Redis, which only counts', async () => {
    const accessToken = await wallet.fresh['access token']();
    pause('Redis');
    const answer = await post('introspect', accessToken);
    expect([answer.status, answer.json().active]).toEqual([200, true]);
    expect(answer.headers['ratelimit-policy']).toBe('"introspection";q=6000;w=60');
  }, 20_000);
});
