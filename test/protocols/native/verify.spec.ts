import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { session } from '#contracts/session';
import { token } from '#contracts/token';
import { Admin } from '../../support/admin.js';
import { busOf } from '../../support/bus.js';
import { request } from '../../support/http.js';
import type { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';
import { portalOf, type Visitor, verify, visit } from '../../support/visitor.js';

describe('a proxy that asks who is there', () => {
  let stack: Stack;
  let partner: Partner;
  let visitor: Visitor;
  let line: Awaited<ReturnType<typeof busOf>>;

  beforeAll(async () => {
    stack = await startStack();
    partner = await portalOf(new Admin(stack));
    visitor = await visit(stack.url, partner);
    line = await busOf(stack);
  }, startMs);
  afterAll(async () => {
    await line?.close();
    await stack?.stop();
  });

  const told = ({ status, headers }: Awaited<ReturnType<typeof verify>>) => ({
    status,
    user: headers['x-user-id'],
    key: headers['x-key-id'],
    client: headers['x-client-id'],
    scopes: headers['x-scopes'],
  });
  const ask = (path: string, method = 'GET', accessToken = visitor.accessToken) =>
    request(`${stack.url}${path}`, { method, headers: { authorization: `Bearer ${accessToken}` } });

  /** An access token as protocol 002 gives one, with the session it is of. */
  async function ofKey(ttlSeconds = 600) {
    const sessionId = randomUUID();
    const { clientId } = partner;
    const [subject, scopes] = ['key_0123456789Ab', ['orders.read', 'orders.write']];
    await line.bus.ask(session.open, {
      ...{ sessionId, clientId, subject, epoch: 0, protocol: 'client-auth', lifetimeSeconds: 3600, scopes },
      ...{ origin: null, originUntil: null, credential: 'refresh' },
      attempt: { support: 'aaaaaaaaaa', address: 'x' },
    });
    const asked = { kind: 'access', clientId, subject, sessionId, scopes, jti: randomUUID(), ttlSeconds } as const;
    return (await line.bus.ask(token.sign, asked)).token;
  }

  it('is told of a user with an access token or a cookie', async () => {
    const { userId, accessToken, browser } = visitor;
    const known = { status: 204, user: userId, key: undefined, client: partner.clientId, scopes: '' };
    expect(told(await verify(stack.url, accessToken))).toEqual(known);
    expect(told(await browser.open('/v1/verify', { headers: { accept: '*/*' } }))).toEqual(known);
  });

  it('is told of a key, which is nobody’s user', async () => {
    expect(told(await verify(stack.url, await ofKey()))).toEqual({
      ...{ status: 204, user: undefined, key: '0123456789Ab', client: partner.clientId },
      scopes: 'orders.read orders.write',
    });
  });

  it('is told of nobody else', async () => {
    const nobody = { status: 401, user: undefined, key: undefined, client: undefined, scopes: undefined };
    expect(told(await request(`${stack.url}/v1/verify`))).toEqual(nobody);
    for (const text of ['x', stack.adminKey]) expect(told(await verify(stack.url, text))).toEqual(nobody);
  });

  it('is told the same of a token that was seen before, and refused the same', async () => {
    const accessToken = await ofKey();
    const first = await verify(stack.url, accessToken);
    const again = await verify(stack.url, accessToken);
    expect(told(again)).toEqual(told(first));
    expect(Object.keys(again.headers).sort()).toEqual(Object.keys(first.headers).sort());

    const asked = (path: string, headers: Record<string, string>) =>
      request(`${stack.url}${path}`, { headers: { authorization: `Bearer ${accessToken}`, ...headers } });
    expect((await asked('/v1/verify', { 'x-client-id': 'somebodyelse' })).status).toBe(403);
    expect((await asked('/v1/verify', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await asked('/v1/verify?a=1&a=2', {})).status).toBe(400);
    expect((await asked('/v1/verify', { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it('can tell a token whose time is over', async () => {
    const accessToken = await ofKey(1);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const answer = await verify(stack.url, accessToken);
    expect([answer.status, answer.json().code]).toEqual([401, 'token_expired']);
  });

  it.each([
    ['GET', '/v1/session'],
    ['DELETE', '/v1/session'],
  ])('%s %s is for users: a key is answered 401', async (method, path) => {
    const accessToken = await ofKey();
    const answer = await ask(path, method, accessToken);
    expect([answer.status, answer.json().code]).toEqual([401, 'session_refused']);
    expect((await verify(stack.url, accessToken)).status).toBe(204);
  });

  it('a key is nobody on the demo page, and its button ends nothing of it', async () => {
    const accessToken = await ofKey();
    const page = await ask('/demo', 'GET', accessToken);
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('Nobody is signed in')]);
    expect((await ask('/demo/sign-out', 'POST', accessToken)).status).toBe(303);
    expect((await verify(stack.url, accessToken)).status).toBe(204);
  });
});
