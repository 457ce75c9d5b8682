import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { Admin } from '../../support/admin.js';
import { KeyHolder, type NewKey, refresh, signIn } from '../../support/api-key.js';
import { eventually } from '../../support/eventually.js';
import { request } from '../../support/http.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const day = 86_400;

describe('a program that signs in with its key', () => {
  let stack: Stack;
  let admin: Admin;
  let holder: KeyHolder;
  let key: NewKey;

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    holder = await KeyHolder.register(admin);
    key = await holder.newKey(['orders.read', 'orders.write', 'users.read']);
  }, startMs);
  afterAll(() => stack?.stop());

  const post = (body: object | string, headers = {}) =>
    request(`${stack.url}/v1/auth`, { method: 'POST', body, headers });

  it('gets an access token of fourteen days and a refresh token of fifteen', async () => {
    const answer = await signIn(stack.url, key.key);
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      refresh_token: expect.stringMatching(new RegExp(`^segue_rt_${holder.clientId}_`)),
      token_type: 'Bearer',
      expires_in: 14 * day,
      refresh_expires_in: 15 * day,
      scope: 'orders.read orders.write users.read',
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.headers['ratelimit-policy']).toBe('"client-auth";q=600;w=60');
    expect(answer.headers['ratelimit']).toMatch(/^"client-auth";r=\d+;t=\d+$/);
  });

  it('gets an access token that others verify by the published keys', async () => {
    const { access_token } = (await signIn(stack.url, key.key)).json();
    const jwks = createRemoteJWKSet(new URL(`${stack.url}/.well-known/jwks.json`));
    const { payload, protectedHeader } = await jwtVerify(access_token, jwks, {
      issuer: stack.url,
      audience: stack.url,
      algorithms: ['EdDSA'],
      typ: 'at+jwt',
    });
    expect(protectedHeader.alg).toBe('EdDSA');
    expect(payload).toMatchObject({ sub: `key_${key.keyId}`, client_id: holder.clientId, sid: expect.any(String) });
    expect(payload['scope']).toBe('orders.read orders.write users.read');
  });

  it.each([
    ['the header', () => [{ 'x-api-key': key.key }, undefined]],
    ['the body', () => [{}, { api_key: key.key }]],
    [
      'the header although the body has another one',
      () => [{ 'x-api-key': key.key }, { api_key: 'segue_sk_nonsense' }],
    ],
    ['the body where the header is empty', () => [{ 'x-api-key': '' }, { api_key: key.key }]],
    ['a body with members of who knows whom', () => [{}, { api_key: key.key, email: 'a@b.example', password: 'x' }]],
    ['two parts', () => [{}, parts()]],
    [
      'two parts, one of them in the header',
      () => [{ 'x-api-key': parts().api_key }, { api_secret: parts().api_secret }],
    ],
    ['the whole and its secret once more', () => [{ 'x-api-key': key.key }, { api_secret: parts().api_secret }]],
  ] as const)('may say it in %s', async (_name, sent) => {
    const [headers, body] = sent() as [Record<string, string>, object | undefined];
    const answer = await request(`${stack.url}/v1/auth`, { method: 'POST', headers, ...(body && { body }) });
    expect([answer.status, answer.json().token_type]).toEqual([200, 'Bearer']);
  });

  /** The public part, and the secret beside it. */
  const parts = (whole = key.key) => {
    const at = whole.lastIndexOf('_');
    return { api_key: whole.slice(0, at), api_secret: whole.slice(at + 1) };
  };

  it('without a key, or with a body nobody can read, made a bad request', async () => {
    const sent = [
      await request(`${stack.url}/v1/auth`, { method: 'POST' }),
      await post({}),
      await post({ scope: 'orders.read' }),
      await post({ api_key: '' }),
      await post({ api_key: 42 }),
      await post({ api_key: null }),
      await post('[]', { 'content-type': 'application/json' }),
      await post('{"api_key":', { 'content-type': 'application/json' }),
      await post({ api_key: key.key, api_secret: 7 }),
      await post({ api_key: key.key, scope: 'orders.read  users.read' }),
      await post({ api_key: key.key, scope: 'a"b' }),
      await post({ api_key: key.key, scope: ['orders.read'] }),
      await request(`${stack.url}/v1/auth?api_key=${key.key}`, { method: 'POST' }),
    ];
    for (const answer of sent) {
      expect(answer.status).toBe(400);
      expect(answer.json()).toEqual({ error: 'invalid_request', message: expect.any(String) });
      expect(answer.text).not.toContain(key.key);
    }
  });

  it('with a key that is not valid is refused, whatever is wrong with it', async () => {
    const other = await KeyHolder.register(admin);
    const stranger = await other.newKey([]);
    const publicKey = await holder.newPublicKey(['orders.read']);
    const expired = await holder.newKey([], { expiresAt: new Date(Date.now() + 1_000).toISOString() });
    const deleted = await holder.newKey([]);
    await holder.deleteKey(deleted.keyId);
    await eventually(
      async () => (await signIn(stack.url, expired.key)).status,
      (status) => status === 401,
    );
    const wrong: object[] = [
      { api_key: 'nonsense' },
      { api_key: 'x'.repeat(10_000) },
      { api_key: `${key.key.slice(0, -1)}${key.key.endsWith('a') ? 'b' : 'a'}` },
      { api_key: parts().api_key },
      { api_key: parts().api_key, api_secret: 'nonsense' },
      { api_key: parts().api_key, api_secret: parts(stranger.key).api_secret },
      { api_key: key.key, api_secret: 'nonsense' },
      { api_key: key.key, api_secret: '' },
      { api_key: key.key, api_secret: `${key.keyId}_${parts().api_secret}` },
      { api_key: publicKey.key },
      { api_key: expired.key },
      { api_key: deleted.key },
    ];
    for (const body of wrong) {
      const answer = await post(body);
      expect([body, answer.status]).toEqual([body, 401]);
      expect(answer.json()).toEqual({ error: 'invalid_client', message: 'The API key is not valid.' });
    }
  });

  it('gets the scopes it asks for and no other', async () => {
    const one = (await signIn(stack.url, key.key, { scope: 'orders.read' })).json();
    expect(one.scope).toBe('orders.read');
    expect(decodeJwt(one.access_token)['scope']).toBe('orders.read');
    const refreshed = (await refresh(stack.url, one.refresh_token)).json();
    expect([refreshed.scope, decodeJwt(refreshed.access_token)['scope']]).toEqual(['orders.read', 'orders.read']);
    expect((await signIn(stack.url, key.key, { scope: '' })).json().scope).toBe('orders.read orders.write users.read');

    for (const scope of ['users.write', 'orders.read users.write', 'ORDERS.READ', '*']) {
      const answer = await signIn(stack.url, key.key, { scope });
      expect([answer.status, answer.json().error]).toEqual([403, 'invalid_scope']);
    }
  });

  it('loses scopes its client does not allow any more, and gains none', async () => {
    const owner = await KeyHolder.register(admin);
    const { key } = await owner.newKey(['orders.read', 'orders.write']);
    const { refresh_token } = (await signIn(stack.url, key)).json();
    await owner.set({ scopes: ['orders.read', 'more.read'] });
    const narrowed = await eventually(
      async () => (await signIn(stack.url, key)).json().scope,
      (scope) => scope === 'orders.read',
    );
    expect(narrowed).toBe('orders.read');
    const refreshed = (await refresh(stack.url, refresh_token)).json();
    expect([refreshed.scope, decodeJwt(refreshed.access_token)['scope']]).toEqual(['orders.read', 'orders.read']);
    expect((await signIn(stack.url, key, { scope: 'orders.write' })).status).toBe(403);
  });

  it('from a browser is refused without a look at its key', async () => {
    const { api_key } = parts();
    for (const headers of [{ origin: 'https://shop.example' }, { 'sec-fetch-site': 'same-origin' }, { origin: 'null' }])
      for (const sent of [key.key, 'segue_sk_nonsense', api_key]) {
        const answer = await signIn(stack.url, sent, {}, headers);
        expect([answer.status, answer.json().error]).toEqual([403, 'access_denied']);
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      }
    const node = await signIn(stack.url, key.key, {}, { 'sec-fetch-mode': 'cors' });
    expect(node.status).toBe(200);
  });

  it('of a suspended client is told so, but only with a key that is good', async () => {
    const owner = await KeyHolder.register(admin);
    const { key } = await owner.newKey([]);
    expect((await signIn(stack.url, key)).status).toBe(200);
    await owner.become('suspended');
    const answer = await eventually(
      () => signIn(stack.url, key),
      ({ status }) => status !== 200,
      5_000,
    );
    expect([answer.status, answer.json()]).toEqual([
      403,
      { error: 'access_denied', message: 'The account is suspended.' },
    ]);
    expect((await signIn(stack.url, `${key.slice(0, -3)}aaa`)).status).toBe(401);
  });

  it('gets lifetimes its client has chosen, and a session that ends with its key', async () => {
    const owner = await KeyHolder.register(admin, { lifetimes: { clientAuth: { access: 600, session: 1200 } } });
    const chosen = (await signIn(stack.url, (await owner.newKey([])).key)).json();
    expect([chosen.expires_in, chosen.refresh_expires_in]).toEqual([600, 1200]);
    const ending = await owner.newKey([], { expiresAt: new Date(Date.now() + 300_000).toISOString() });
    const cut = (await signIn(stack.url, ending.key)).json();
    expect(cut.refresh_expires_in).toBeLessThanOrEqual(300);
    expect(cut.expires_in).toBeLessThanOrEqual(cut.refresh_expires_in);
    expect(cut.expires_in).toBeGreaterThan(250);
  });

  it('by another verb is told which there are', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const answer = await request(`${stack.url}/v1/auth`, { method });
      expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET, HEAD, POST, TRACE']);
      expect(answer.json().error).toBe('invalid_request');
    }
    expect((await request(`${stack.url}/v1/auth/refresh`)).headers['allow']).toBe('POST');
    const overridden = await request(`${stack.url}/v1/auth`, {
      method: 'PUT',
      headers: { 'x-http-method-override': 'POST', 'x-api-key': key.key },
    });
    expect(overridden.status).toBe(405);
  });

  it('with a form is told that it is not understood', async () => {
    const answer = await post(`api_key=${key.key}`, { 'content-type': 'application/x-www-form-urlencoded' });
    expect([answer.status, answer.json().error]).toEqual([415, 'invalid_request']);
  });

  it('is in the audit trail, and so is who tried', async () => {
    const owner = await KeyHolder.register(admin);
    const { key, keyId } = await owner.newKey([]);
    await signIn(stack.url, key);
    await signIn(stack.url, `${key.slice(0, -3)}aaa`);
    const [opened] = await admin.audit({ clientId: owner.clientId, type: 'session.opened' });
    expect(opened).toMatchObject({ userId: `key_${keyId}` });
    await signIn(stack.url, key, {}, { origin: 'https://shop.example' });
    const denied = await eventually(
      () => admin.audit({ type: 'request.denied', clientId: '_' }),
      (items) => items.some(({ reason }) => reason === 'key.exposed'),
    );
    expect(JSON.stringify(denied)).not.toContain(key);
  });
});
