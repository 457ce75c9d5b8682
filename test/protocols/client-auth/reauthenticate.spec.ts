import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { Admin } from '../../support/admin.js';
import { KeyHolder, type NewKey, refresh, signIn } from '../../support/api-key.js';
import { eventually } from '../../support/eventually.js';
import { request } from '../../support/http.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';
import { portalOf, visit } from '../../support/visitor.js';

/** R-26, in milliseconds. */
const boundMs = 5_000;

describe('a program that goes on', () => {
  let stack: Stack;
  let admin: Admin;
  let holder: KeyHolder;
  let key: NewKey;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'refresh=100/1m' } });
    admin = new Admin(stack);
    holder = await KeyHolder.register(admin);
    key = await holder.newKey(['orders.read']);
  }, startMs);
  afterAll(() => stack?.stop());

  const begin = async (whose = key.key) => (await signIn(stack.url, whose)).json();
  const get = (bearer: string, headers = {}, method = 'GET') =>
    request(`${stack.url}/v1/auth`, { method, headers: { authorization: `Bearer ${bearer}`, ...headers } });
  const post = (headers: Record<string, string>, body?: object) =>
    request(`${stack.url}/v1/auth/refresh`, { method: 'POST', headers, ...(body && { body }) });
  const refused = { error: 'invalid_grant', message: 'The refresh token is not valid.' };

  it.each<[string, (token: string) => ReturnType<typeof get>]>([
    ['POST and a body', (token) => post({}, { refresh_token: token })],
    ['POST and a bearer', (token) => post({ authorization: `Bearer ${token}` })],
    ['POST and both, of one mind', (token) => post({ authorization: `Bearer ${token}` }, { refresh_token: token })],
    [
      'POST and a body with members of who knows whom',
      (token) => post({}, { refresh_token: token, email: 'a@b.example' }),
    ],
    ['GET and a bearer', (token) => get(token)],
  ])('by %s gets a new pair', async (_name, ask) => {
    const first = await begin();
    const answer = await ask(first.refresh_token);
    expect(answer.status).toBe(200);
    const next = answer.json();
    expect(next).toEqual({
      access_token: expect.any(String),
      refresh_token: expect.stringMatching(/^segue_rt_/),
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      refresh_expires_in: expect.any(Number),
      scope: 'orders.read',
    });
    expect(next.refresh_token).not.toBe(first.refresh_token);
    expect(next.expires_in).toBe(14 * 86_400);
    expect(next.refresh_expires_in).toBeLessThanOrEqual(15 * 86_400);
    expect(next.refresh_expires_in).toBeGreaterThan(15 * 86_400 - 60);
    expect(decodeJwt(next.access_token)).toMatchObject({
      sub: `key_${key.keyId}`,
      sid: decodeJwt(first.access_token)['sid'],
      scope: 'orders.read',
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['ratelimit-policy']).toBe('"refresh";q=100;w=60');
  });

  it('never outlives what it began: no refresh moves the end', async () => {
    const owner = await KeyHolder.register(admin, { lifetimes: { clientAuth: { access: 60, session: 62 } } });
    const first = await begin((await owner.newKey([])).key);
    expect([first.expires_in, first.refresh_expires_in]).toEqual([60, 62]);
    await sleep(3_500);
    const next = (await refresh(stack.url, first.refresh_token)).json();
    expect(next.refresh_expires_in).toBeLessThanOrEqual(58);
    expect(next.expires_in).toBeLessThanOrEqual(next.refresh_expires_in);
  });

  it('without a refresh token, or with two, made a bad request', async () => {
    const { refresh_token } = await begin();
    const sent = [
      await request(`${stack.url}/v1/auth`),
      await request(`${stack.url}/v1/auth`, { headers: { cookie: `refresh_token=${refresh_token}` } }),
      await request(`${stack.url}/v1/auth?refresh_token=${refresh_token}`),
      await request(`${stack.url}/v1/auth/refresh?refresh_token=${refresh_token}`, { method: 'POST' }),
      await post({ cookie: `refresh_token=${refresh_token}; segue_session=${refresh_token}` }),
      await post({}),
      await post({}, {}),
      await post({}, { refresh_token: 7 }),
      await post({ authorization: 'Bearer other' }, { refresh_token }),
    ];
    for (const answer of sent) {
      expect(answer.status).toBe(400);
      expect(answer.json()).toEqual({ error: 'invalid_request', message: expect.any(String) });
    }
    expect((await refresh(stack.url, refresh_token)).status).toBe(200);
  });

  it('with a refresh token that is not valid is refused, whatever its form', async () => {
    const { refresh_token } = await begin();
    const wrong = [
      'nonsense',
      'x'.repeat(5_000),
      `${refresh_token.slice(0, -2)}aa`,
      refresh_token.replace(holder.clientId, 'somebodyelse'),
      key.key,
    ];
    for (const token of wrong)
      for (const answer of [await refresh(stack.url, token), await get(token)]) {
        expect([answer.status, answer.json()]).toEqual([401, refused]);
      }
    for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer  ', `Token ${refresh_token}`])
      expect((await request(`${stack.url}/v1/auth`, { headers: { authorization } })).status).toBe(401);
    expect((await refresh(stack.url, refresh_token)).status).toBe(200);
  });

  it('does not get on by the refresh token of another protocol, which stays as it was', async () => {
    const { refreshToken } = await visit(stack.url, await portalOf(admin));
    const answer = await refresh(stack.url, refreshToken);
    expect([answer.status, answer.json()]).toEqual([401, refused]);
    const native = (token: string) =>
      request(`${stack.url}/v1/session/refresh`, { method: 'POST', body: { refreshToken: token } });
    expect((await native(refreshToken)).status).toBe(200);
    const { refresh_token } = await begin();
    expect((await native(refresh_token)).status).toBe(401);
    expect((await refresh(stack.url, refresh_token)).status).toBe(200);
  });

  it('learns by an access token how it stands, and spends nothing', async () => {
    const { access_token, refresh_token } = await begin();
    const answer = await get(access_token);
    expect([answer.status, answer.json()]).toEqual([
      200,
      { active: true, client_id: holder.clientId, scope: 'orders.read', expires_in: expect.any(Number) },
    ]);
    expect(answer.json().expires_in).toBeGreaterThan(14 * 86_400 - 60);
    expect((await refresh(stack.url, refresh_token)).status).toBe(200);

    const broken = `${access_token.slice(0, -6)}AAAAAA`;
    expect([(await get(broken)).status, (await get(broken)).json().error]).toEqual([401, 'invalid_token']);
    expect((await refresh(stack.url, access_token)).status).toBe(401);
  });

  it('is answered nothing, and spends nothing, by HEAD', async () => {
    const { refresh_token } = await begin();
    const head = await get(refresh_token, {}, 'HEAD');
    expect([head.status, head.text]).toEqual([200, '']);
    expect((await refresh(stack.url, refresh_token)).status).toBe(200);
  });

  it('fifty times at once has one successor and stays signed in', async () => {
    const { refresh_token } = await begin();
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(stack.url, refresh_token)));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    const successors = new Set(answers.map((answer) => answer.json().refresh_token));
    expect(successors.size).toBe(1);
    expect((await refresh(stack.url, [...successors][0])).status).toBe(200);
  });

  it('whose answer was lost gets the identical successor within ten seconds', async () => {
    const { refresh_token } = await begin();
    const lost = (await refresh(stack.url, refresh_token)).json().refresh_token;
    await sleep(2_000);
    expect((await get(refresh_token)).json().refresh_token).toBe(lost);
    expect((await refresh(stack.url, lost)).status).toBe(200);
  });

  it('whose replaced token comes again is signed out, its access tokens within five seconds', async () => {
    const first = await begin();
    const second = (await refresh(stack.url, first.refresh_token)).json();
    const third = (await refresh(stack.url, second.refresh_token)).json();
    expect((await get(third.access_token)).status).toBe(200);

    const reused = await refresh(stack.url, first.refresh_token);
    expect([reused.status, reused.json()]).toEqual([401, refused]);
    expect((await refresh(stack.url, third.refresh_token)).status).toBe(401);
    for (const { access_token } of [first, second, third])
      await eventually(
        async () => (await get(access_token)).status,
        (status) => status === 401,
        boundMs,
      );
    const [detected] = await admin.audit({ clientId: holder.clientId, type: 'session.reuse_detected' });
    expect(detected).toMatchObject({ userId: `key_${key.keyId}` });
  });

  it('whose key is deleted has ended within five seconds, tokens and session', async () => {
    const doomed = await holder.newKey(['orders.read']);
    const spared = await begin();
    const { access_token, refresh_token } = await begin(doomed.key);
    const renewed = (await refresh(stack.url, refresh_token)).json();
    expect((await get(access_token)).status).toBe(200);
    await holder.deleteKey(doomed.keyId);
    const deleted = Date.now();
    const ended = async () => [
      (await get(access_token)).status,
      (await get(renewed.access_token)).status,
      (await request(`${stack.url}/v1/verify`, { headers: { authorization: `Bearer ${renewed.access_token}` } }))
        .status,
    ];
    await eventually(ended, (all) => all.every((status) => status === 401), boundMs);
    await eventually(
      async () => (await refresh(stack.url, renewed.refresh_token)).status,
      (status) => status === 401,
      Math.max(0, boundMs - (Date.now() - deleted)),
    );
    expect((await signIn(stack.url, doomed.key)).status).toBe(401);
    expect((await get(spared.access_token)).status).toBe(200);
    expect((await refresh(stack.url, spared.refresh_token)).status).toBe(200);
  });

  it('goes on with its old key’s session when the key is rotated', async () => {
    const old = await holder.newKey([]);
    const { refresh_token } = await begin(old.key);
    const successor = await holder.rotate(old.keyId, 0);
    await eventually(
      async () => (await signIn(stack.url, old.key)).status,
      (status) => status === 401,
      boundMs,
    );
    expect((await signIn(stack.url, successor.key)).status).toBe(200);
    expect((await refresh(stack.url, refresh_token)).status).toBe(200);
  });

  it('is refused where its client is suspended, and does not come back with it', async () => {
    const owner = await KeyHolder.register(admin);
    const { key } = await owner.newKey([]);
    const { access_token, refresh_token } = await begin(key);
    await owner.become('suspended');
    await eventually(
      async () => (await get(access_token)).status,
      (status) => status === 401,
      boundMs,
    );
    // A moment later the session is over, and refused as what it is.
    const [first, then] = [await refresh(stack.url, refresh_token), async () => refresh(stack.url, refresh_token)];
    expect([first.status, first.json().error]).toEqual(
      first.status === 403 ? [403, 'access_denied'] : [401, 'invalid_grant'],
    );
    await eventually(then, ({ status }) => status === 401, boundMs);
    await owner.become('active');
    await eventually(
      async () => (await signIn(stack.url, key)).status,
      (status) => status === 200,
      boundMs,
    );
    expect((await get(access_token)).status).toBe(401);
    expect((await refresh(stack.url, refresh_token)).status).toBe(401);
  });

  it('too often is told when to come again, and no other session with it', async () => {
    const { refresh_token } = await begin();
    const other = await begin();
    let last = refresh_token;
    for (let turn = 0; turn < 100; turn++) last = (await refresh(stack.url, last)).json().refresh_token;
    const answer = await refresh(stack.url, last);
    expect([answer.status, answer.json()]).toEqual([
      429,
      { error: 'too_many_requests', message: 'Too many requests.' },
    ]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.headers['ratelimit']).toMatch(/^"refresh";r=0;t=\d+$/);
    expect((await get(last)).status).toBe(429);
    expect((await refresh(stack.url, other.refresh_token)).status).toBe(200);
  });
});
