import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { Admin } from '../../support/admin.js';
import { KeyHolder, type NewKey } from '../../support/api-key.js';
import { eventually } from '../../support/eventually.js';
import { request } from '../../support/http.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';
import { trusting } from '../../support/trusting.js';

/** R-26, in milliseconds. */
const boundMs = 5_000;
const path = '/api/clients/jwt/token';
const immense = '9'.repeat(400);

let stack: Stack;
let admin: Admin;
let holder: KeyHolder;
let key: NewKey;

const mint = (apikey: string | undefined, query: Record<string, string> = {}, headers = {}, method = 'GET') =>
  request(`${stack.url}${path}?${new URLSearchParams(query)}`, {
    method,
    headers: { ...(apikey !== undefined && { apikey }), ...headers },
  });
const tokenOf = async (apikey = key.key, query: Record<string, string> = {}): Promise<string> =>
  (await mint(apikey, query)).json().token;
const client = (headers: Record<string, string>) => request(`${stack.url}/v1/client`, { headers });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('a backend that fetches a short-lived token', () => {
  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    holder = await KeyHolder.register(admin, { features: { shortLivedToken: true } });
    key = await holder.newKey(['tokens.issue', 'users.read', 'users.write', 'sessions.write', 'cart.read']);
  }, startMs);
  afterAll(() => stack?.stop());

  it('gets one that lives for an hour, and nothing beside it', async () => {
    const answer = await mint(key.key);
    expect([answer.status, Object.keys(answer.json())]).toEqual([200, ['token']]);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['ratelimit-policy']).toBe('"client-token";q=1200;w=60');
    expect(answer.headers['ratelimit']).toMatch(/^"client-token";r=\d+;t=\d+$/);
    const { iat = 0, exp = 0 } = decodeJwt(answer.json().token);
    expect(exp - iat).toBe(3600);
  });

  it('gets one that its integrator verifies by the published keys', async () => {
    const token = await tokenOf(key.key, { extId: 'user-42', expiryMins: '30' });
    const jwks = createRemoteJWKSet(new URL(`${stack.url}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(token, jwks, {
      issuer: stack.url,
      audience: stack.url,
      algorithms: ['EdDSA'],
      typ: 'sdk+jwt',
    });
    expect(payload).toMatchObject({
      sub: `key_${key.keyId}`,
      client_id: holder.clientId,
      ext: 'user-42',
      scope: 'cart.read',
      jti: expect.any(String),
    });
    expect(payload['sid']).toBeUndefined();
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'EdDSA', kid: expect.any(String) });
  });

  it.each([
    ['1', 60],
    ['30', 1800],
    ['1440', 86_400],
    ['007', 420],
  ])('may ask for %s minutes', async (expiryMins, seconds) => {
    const { iat = 0, exp = 0 } = decodeJwt(await tokenOf(key.key, { expiryMins }));
    expect(exp - iat).toBe(seconds);
  });

  it.each(['0', '-1', '1441', '1e3', '1000000000', '60.5', '0x3c', 'NaN', '', ' 60', '+60', '٦٠', immense])(
    'may not ask for "%s" minutes',
    async (expiryMins) => {
      const answer = await mint(key.key, { expiryMins });
      expect([answer.status, answer.json()]).toEqual([400, { message: expect.stringContaining('expiryMins') }]);
    },
  );

  it('may name whom it is for in a hundred characters, whatever they are', async () => {
    for (const extId of ['u', 'a'.repeat(100), '𝄞'.repeat(100), '../é ?&=']) {
      const answer = await mint(key.key, { extId });
      expect([answer.status, decodeJwt(answer.json().token)['ext']]).toEqual([200, extId]);
    }
    for (const extId of ['', 'a'.repeat(101), '𝄞'.repeat(101), 'a\nb', 'a\u0000'])
      expect((await mint(key.key, { extId })).json()).toEqual({ message: expect.stringContaining('extId') });
    const twice = await request(`${stack.url}${path}?expiryMins=60&expiryMins=1`, { headers: { apikey: key.key } });
    const list = await request(`${stack.url}${path}?extId[]=a`, { headers: { apikey: key.key } });
    expect([twice.status, list.status]).toEqual([400, 400]);
  });

  it('without a key that is good is refused, whatever is wrong with it', async () => {
    const publicKey = await holder.newPublicKey(['cart.read']);
    const expired = await holder.newKey(['tokens.issue'], { expiresAt: new Date(Date.now() + 1_000).toISOString() });
    await eventually(
      async () => (await mint(expired.key)).status,
      (status) => status === 401,
    );
    const wrong = [
      undefined,
      '',
      'nonsense',
      `${key.key.slice(0, -3)}aaa`,
      publicKey.key,
      expired.key,
      'x'.repeat(9_000),
    ];
    for (const apikey of wrong) {
      // What is asked for is not even looked at.
      const answer = await mint(apikey, { expiryMins: 'nonsense' });
      expect([apikey, answer.status, answer.json()]).toEqual([apikey, 401, { message: 'The API key is not valid.' }]);
    }
    const elsewhere = await mint(undefined, {}, { 'x-api-key': key.key, ...bearer(key.key) });
    expect(elsewhere.status).toBe(401);
  });

  it.each(['apikey', 'apiKey', 'api_key', 'x-api-key', 'APIKEY'])(
    'may not bring its key in the address as %s',
    async (name) => {
      for (const header of [undefined, key.key]) {
        const answer = await mint(header, { [name]: key.key });
        expect([answer.status, answer.json().message]).toEqual([400, expect.stringContaining('header')]);
        expect(answer.text).not.toContain(key.key);
      }
    },
  );

  it('is refused when it is a browser, before its key is looked at', async () => {
    const marks = [{ origin: 'https://shop.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }];
    for (const headers of marks)
      for (const apikey of [key.key, 'segue_sk_nonsense', 'nonsense']) {
        const answer = await mint(apikey, {}, headers);
        expect([answer.status, answer.json()]).toEqual([
          403,
          { message: 'A private API key must not be sent from a browser.' },
        ]);
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      }
    expect((await mint(key.key, {}, { 'sec-fetch-mode': 'cors' })).status).toBe(200);
    await eventually(
      () => admin.audit({ type: 'request.denied', clientId: '_' }),
      (items) => items.some(({ reason }) => reason === 'key.exposed'),
    );
  });

  it('is refused where the client does not use the feature, which is so by default', async () => {
    const owner = await KeyHolder.register(admin);
    const { key } = await owner.newKey(['tokens.issue']);
    const off = await mint(key, { expiryMins: 'nonsense' });
    expect([off.status, off.json()]).toEqual([403, { message: 'This client does not use this feature.' }]);
    await owner.set({ features: { shortLivedToken: true } });
    await eventually(
      async () => (await mint(key)).status,
      (status) => status === 200,
    );
  });

  it('is refused without the scope for it', async () => {
    const { key } = await holder.newKey(['cart.read']);
    const answer = await mint(key, { expiryMins: 'nonsense' });
    expect([answer.status, answer.json()]).toEqual([403, { message: 'The API key lacks the scope this needs.' }]);
  });

  it('is told of a suspension only with a key that is good', async () => {
    const owner = await KeyHolder.register(admin, { features: { shortLivedToken: true } });
    const { key } = await owner.newKey(['tokens.issue']);
    await owner.become('suspended');
    await eventually(
      async () => (await mint(key)).status,
      (status) => status === 403,
      boundMs,
    );
    expect((await mint(key)).json()).toEqual({ message: 'The account is suspended.' });
    expect((await mint(`${key.slice(0, -3)}aaa`)).status).toBe(401);
  });

  it('gets nothing by HEAD, and no other verb is here', async () => {
    const head = await mint(key.key, {}, {}, 'HEAD');
    expect([head.status, head.text]).toEqual([200, '']);
    const owner = await KeyHolder.register(admin, { features: { shortLivedToken: true } });
    const mine = await owner.newKey(['tokens.issue']);
    await mint(mine.key, {}, {}, 'HEAD');
    await mint(mine.key);
    await admin.audit({ clientId: owner.clientId, type: 'token.issued' });
    expect(await admin.audit({ clientId: owner.clientId, type: 'token.issued' })).toHaveLength(1);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE']) {
      const answer = await mint(key.key, {}, {}, method);
      expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET, HEAD']);
      expect(answer.json()).toEqual({ message: 'Method Not Allowed.' });
    }
  });

  it('leaves a trace: who minted it, for which key', async () => {
    const owner = await KeyHolder.register(admin, { features: { shortLivedToken: true } });
    const { key, keyId } = await owner.newKey(['tokens.issue']);
    const token = await tokenOf(key, { extId: 'user-42' });
    const [issued] = await admin.audit({ clientId: owner.clientId, type: 'token.issued' });
    expect(issued).toBeDefined();
    expect(JSON.stringify(issued)).not.toContain('user-42');
    expect(decodeJwt(token).sub).toBe(`key_${keyId}`);
  });

  it('gets one that ends with its key, where that has an end', async () => {
    const ending = await holder.newKey(['tokens.issue'], { expiresAt: new Date(Date.now() + 120_000).toISOString() });
    const { iat = 0, exp = 0 } = decodeJwt(await tokenOf(ending.key, { expiryMins: '1440' }));
    expect(exp - iat).toBeLessThanOrEqual(120);
    expect(exp - iat).toBeGreaterThan(60);
  });
});

describe('an SDK', () => {
  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    holder = await KeyHolder.register(admin, {
      features: { shortLivedToken: true, publicKeyAuth: true },
      origins: ['https://shop.example'],
    });
    key = await holder.newKey(['tokens.issue', 'users.write', 'cart.read']);
    await trusting(stack);
  }, startMs);
  afterAll(() => stack?.stop());

  const refused = { message: 'The token is not valid.' };

  it('is known by its token', async () => {
    const token = await tokenOf(key.key, { extId: 'user-42', expiryMins: '5' });
    const answer = await client(bearer(token));
    expect([answer.status, answer.json()]).toEqual([
      200,
      {
        clientId: holder.clientId,
        via: 'token',
        scopes: ['cart.read'],
        extId: 'user-42',
        expiresAt: new Date((decodeJwt(token).exp ?? 0) * 1000).toISOString(),
      },
    ]);
    expect((await client(bearer(await tokenOf()))).json().extId).toBeUndefined();
  });

  it('is known by the public key, with what is public of its scopes', async () => {
    const open = await holder.newPublicKey(['cart.read', 'users.read']);
    const answer = await client({ apikey: open.key });
    expect([answer.status, answer.json()]).toEqual([
      200,
      { clientId: holder.clientId, via: 'public_key', scopes: ['cart.read'] },
    ]);
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const ending = await holder.newPublicKey([], { expiresAt });
    expect((await client({ apikey: ending.key })).json().expiresAt).toBe(expiresAt);
  });

  it('by its token where it sends both', async () => {
    const open = await holder.newPublicKey([]);
    expect((await client({ apikey: open.key, ...bearer(await tokenOf()) })).json().via).toBe('token');
    expect((await client({ apikey: open.key, ...bearer('nonsense') })).status).toBe(401);
  });

  it('without either is nobody', async () => {
    const open = await holder.newPublicKey([]);
    const token = await tokenOf();
    const nobody = [
      await client({}),
      await client({ apikey: '' }),
      await client(bearer('nonsense')),
      await client(bearer(`${token.slice(0, -6)}AAAAAA`)),
      await client(bearer(open.key)),
      await client({ authorization: 'Basic YTpi' }),
      await client({ cookie: `segue_session=${token}` }),
      await request(`${stack.url}/v1/client?apikey=${open.key}`),
    ];
    for (const answer of nobody) expect([answer.status, answer.json()]).toEqual([401, refused]);
    const wrong = await client({ apikey: `${open.key.slice(0, -3)}aaa` });
    expect([wrong.status, wrong.json()]).toEqual([401, { message: 'The API key is not valid.' }]);
    expect(wrong.headers['ratelimit-policy']).toBe('"client-token";q=1200;w=60');
  });

  it('must not have the private key', async () => {
    expect((await client({ apikey: key.key })).status).toBe(401);
    const browser = await client({ apikey: key.key, origin: 'https://shop.example' });
    expect([browser.status, browser.json().message]).toEqual([403, expect.stringContaining('browser')]);
  });

  it('with a public key is refused where the client does not use them, which is so by default', async () => {
    const owner = await KeyHolder.register(admin);
    const { key } = await owner.newPublicKey([]);
    const answer = await client({ apikey: key });
    expect([answer.status, answer.json()]).toEqual([403, { message: 'This client does not use this feature.' }]);
  });

  it('may be a page of its client’s origins, and of no other', async () => {
    const token = await tokenOf();
    const open = await holder.newPublicKey([]);
    for (const credential of [bearer(token), { apikey: open.key }]) {
      const own = await client({ ...credential, origin: 'https://shop.example' });
      expect([own.status, own.headers['access-control-allow-origin']]).toEqual([200, 'https://shop.example']);
      const foreign = await client({ ...credential, origin: 'https://evil.example' });
      expect([foreign.status, foreign.headers['access-control-allow-origin']]).toEqual([403, undefined]);
    }
    const preflight = await request(`${stack.url}/v1/client`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://shop.example',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'apikey',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-headers']).toContain('apikey');
  });

  it('whose token a private key minted is refused within five seconds when that is deleted', async () => {
    const doomed = await holder.newKey(['tokens.issue']);
    const [token, spared] = [await tokenOf(doomed.key), await tokenOf()];
    expect((await client(bearer(token))).status).toBe(200);
    await holder.deleteKey(doomed.keyId);
    const answer = await eventually(
      () => client(bearer(token)),
      ({ status }) => status !== 200,
      boundMs,
    );
    expect([answer.status, answer.json()]).toEqual([401, refused]);
    expect((await mint(doomed.key)).status).toBe(401);
    expect((await client(bearer(spared))).status).toBe(200);
  });

  it('whose client is suspended is refused within five seconds', async () => {
    const owner = await KeyHolder.register(admin, { features: { shortLivedToken: true, publicKeyAuth: true } });
    const token = await tokenOf((await owner.newKey(['tokens.issue'])).key);
    const open = await owner.newPublicKey([]);
    expect([(await client(bearer(token))).status, (await client({ apikey: open.key })).status]).toEqual([200, 200]);
    await owner.become('suspended');
    await eventually(
      async () => [(await client(bearer(token))).status, (await client({ apikey: open.key })).status],
      ([byToken, byKey]) => byToken === 401 && byKey !== 200,
      boundMs,
    );
  });

  it('is refused with a token of another kind', async () => {
    const { key } = await holder.newKey(['cart.read']);
    const signedIn = await request(`${stack.url}/v1/auth`, { method: 'POST', headers: { 'x-api-key': key } });
    const { access_token, refresh_token } = signedIn.json();
    for (const other of [access_token, refresh_token]) expect((await client(bearer(other))).status).toBe(401);
    const token = await tokenOf();
    for (const route of ['/v1/session', '/v1/verify', '/v1/auth'])
      expect([route, (await request(stack.url + route, { headers: bearer(token) })).status]).toEqual([route, 401]);
  });
});

describe('too many short-lived tokens', () => {
  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'client-token=5/1m', TRUSTED_PROXIES: '127.0.0.1' } });
    admin = new Admin(stack);
    holder = await KeyHolder.register(admin, { features: { shortLivedToken: true } });
    key = await holder.newKey(['tokens.issue']);
    await trusting(stack);
  }, startMs);
  afterAll(async () => {
    delete process.env['LIMITS'];
    delete process.env['TRUSTED_PROXIES'];
    await stack?.stop();
  });

  it('are refused, exactly those beyond the limit, and it says when to come again', async () => {
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    const answers = await Promise.all(Array.from({ length: 50 }, () => mint(key.key, {}, headers)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const [late] = answers.filter(({ status }) => status === 429);
    expect(late?.json()).toEqual({ message: 'Too many requests.' });
    expect(Number(late?.headers['retry-after'])).toBeGreaterThan(0);
    expect(late?.headers['ratelimit']).toMatch(/^"client-token";r=0;t=\d+$/);
    expect((await mint(key.key, {}, { 'x-forwarded-for': '192.0.2.2' })).status).toBe(200);
  });

  it('counts for an SDK only what is refused', async () => {
    const headers = { 'x-forwarded-for': '192.0.2.3' };
    const token = (await mint(key.key, {}, { 'x-forwarded-for': '192.0.2.4' })).json().token;
    for (let turn = 0; turn < 10; turn++) expect((await client({ ...headers, ...bearer(token) })).status).toBe(200);
    const statuses = [];
    for (let turn = 0; turn < 7; turn++) statuses.push((await client({ ...headers, ...bearer('nonsense') })).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect((await client({ ...headers, ...bearer(token) })).status).toBe(200);
  });
});
