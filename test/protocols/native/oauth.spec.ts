import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  discovery,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client';
import type { Request } from '#contracts/service';
import { session } from '#contracts/session';
import { token } from '#contracts/token';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { busOf } from '../../support/bus.js';
import { eventually } from '../../support/eventually.js';
import { type Answer, request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';
import { verify } from '../../support/visitor.js';

const portal = 'https://portal.example.com';
const nobody = '0198c0de-0000-7000-8000-000000000000';

interface Key {
  readonly keyId: string;
  readonly key: string;
}

interface Side {
  readonly partner: Partner;
  readonly key: Key;
}

interface Pair {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly user: { userId: string; externalId: string };
  readonly browser: Browser;
  readonly code: string;
}

describe('the standards', () => {
  let stack: Stack;
  let admin: Admin;
  let line: Awaited<ReturnType<typeof busOf>>;
  let mine: Side;
  let theirs: Side;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'claim=1000/1m' } });
    admin = new Admin(stack);
    line = await busOf(stack);
    // A token of no session can be judged only where the revocations are known.
    await eventually(
      async () => readFileSync(join(stack.logs, 'gateway.log'), 'utf8'),
      (log) => log.includes('revocations are known'),
    );
    [mine, theirs] = [await side(), await side()];
  }, startMs);
  afterAll(async () => {
    await line?.close();
    await stack?.stop();
  });

  async function side(): Promise<Side> {
    const partner = await Partner.register(admin, {
      landingUrl: `${portal}/start`,
      features: { shortLivedToken: true, publicKeyAuth: true },
    });
    return { partner, key: await keyOf(partner) };
  }

  const keyOf = (partner: Partner, asked: object = {}): Promise<Key> =>
    admin.post(`clients/${partner.clientId}/api-keys`, { name: 'k', kind: 'private', scopes: [], ...asked });

  async function signIn({ partner }: Side): Promise<Pair> {
    const browser = new Browser(stack.url);
    const land = async () => {
      const { headers } = await browser.open(partner.link({ userId: `user-${randomUUID()}` }));
      return new URL(headers['location'] ?? '').searchParams.get('code') ?? '';
    };
    const code = await land();
    const claimed = await request(`${stack.url}/v1/session/claim`, {
      method: 'POST',
      headers: { origin: portal },
      body: { code },
    });
    return { ...claimed.json(), browser, code };
  }

  const bearer = ({ key }: Key) => ({ authorization: `Bearer ${key}` });
  const basic = ({ key }: Key, user = 'anything') => ({
    authorization: `Basic ${Buffer.from(`${user}:${key}`).toString('base64')}`,
  });
  const post = (path: string, form: Record<string, string> | string, headers: Record<string, string> = {}) =>
    request(`${stack.url}/oauth2/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    });
  const introspect = async (text: string, { key } = mine) => {
    const answer = await post('introspect', { token: text }, bearer(key));
    expect(answer.status).toBe(200);
    return answer.json();
  };
  const revoke = (text: string, { key } = mine) => post('revoke', { token: text }, bearer(key));
  const told = ({ status, headers, text }: Answer) => [status, headers['www-authenticate'], JSON.parse(text).error];
  const ends = async (read: () => Promise<{ active: boolean }>) =>
    expect(await eventually(read, ({ active }) => !active)).toEqual({ active: false });
  const statusOf = async (accessToken: string) => (await verify(stack.url, accessToken)).status;

  type Signing = Pick<Request<typeof token.sign>, 'kind' | 'subject'> & Partial<Request<typeof token.sign>>;
  async function sign(asked: Signing, of = mine) {
    const { clientId } = of.partner;
    const whole = { clientId, jti: randomUUID(), scopes: ['read'], ttlSeconds: 600, ...asked };
    return (await line.bus.ask(token.sign, whole)).token;
  }

  /** A session of a key with its two tokens, as protocol 002 opens one. */
  async function ofKey({ partner, key }: Side) {
    const sessionId = randomUUID();
    const [clientId, subject] = [partner.clientId, `key_${key.keyId}`];
    const { credential } = await line.bus.ask(session.open, {
      ...{ sessionId, clientId, subject, epoch: 0, protocol: 'client-auth', lifetimeSeconds: 3600, scopes: ['read'] },
      ...{ origin: null, originUntil: null, credential: 'refresh' },
      attempt: { support: 'aaaaaaaaaa', address: 'x' },
    });
    return { sessionId, refreshToken: credential, accessToken: await sign({ kind: 'access', subject, sessionId }) };
  }

  it('are found by their metadata', async () => {
    const answer = await request(`${stack.url}/.well-known/oauth-authorization-server`);
    expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([
      200,
      'application/json; charset=utf-8',
      'public, max-age=300',
    ]);
    const { issuer, ...told } = answer.json();
    expect(issuer).toBe(stack.url);
    // What it names is there: every address answers something else than 404, and is no address of somebody else.
    for (const [name, url] of Object.entries<string>(told).filter(([, value]) => typeof value === 'string')) {
      expect([name, new URL(url).origin]).toEqual([name, stack.url]);
      if (name !== 'token_endpoint') expect([name, (await request(url)).status]).not.toEqual([name, 404]);
    }
  });

  it('serve a client of OAuth 2.0 that knows nothing of us', async () => {
    const { accessToken, user } = await signIn(mine);
    const client = await discovery(new URL(stack.url), mine.partner.clientId, {}, ClientSecretBasic(mine.key.key), {
      algorithm: 'oauth2',
      execute: [allowInsecureRequests],
    });
    expect(await tokenIntrospection(client, accessToken)).toMatchObject({ active: true, sub: user.userId });
    await tokenRevocation(client, accessToken);
    const over = await eventually(
      () => tokenIntrospection(client, accessToken),
      ({ active }) => !active,
    );
    expect(over).toEqual({ active: false });
  });

  describe('of introspection', () => {
    it('tell all about an access token', async () => {
      const { accessToken, user } = await signIn(mine);
      const now = Math.floor(Date.now() / 1000);
      const answer = await introspect(accessToken);
      expect(answer).toEqual({
        active: true,
        token_use: 'access',
        token_type: 'Bearer',
        client_id: mine.partner.clientId,
        sub: user.userId,
        scope: '',
        iss: stack.url,
        aud: stack.url,
        iat: expect.any(Number),
        exp: answer.iat + 900,
        jti: expect.any(String),
        sid: expect.any(String),
        ext: user.externalId,
        auth_time: expect.any(Number),
      });
      expect(Math.abs(answer.iat - now)).toBeLessThan(60);
    });

    it('tell all about a refresh token, and spend nothing', async () => {
      const { refreshToken, user } = await signIn(mine);
      const { iat, exp, ...answer } = await introspect(refreshToken);
      expect(answer).toEqual({
        active: true,
        token_use: 'refresh',
        token_type: 'N_A',
        client_id: mine.partner.clientId,
        sub: user.userId,
        scope: '',
        iss: stack.url,
        sid: expect.any(String),
        auth_time: expect.any(Number),
      });
      expect(exp - iat).toBe(15 * 86_400);
      const refreshed = await request(`${stack.url}/v1/session/refresh`, { method: 'POST', body: { refreshToken } });
      expect(refreshed.status).toBe(200);
      expect(await introspect(refreshed.json().refreshToken)).toMatchObject({ active: true });
    });

    it.each(['sdk', 'media', 'account'] as const)('tell what a token of kind %s may be used as', async (kind) => {
      const text = await sign({ kind, subject: nobody, externalId: 'u-1', epoch: 0 });
      expect(await introspect(text)).toMatchObject({
        ...{ active: true, token_use: kind, token_type: kind === 'sdk' ? 'Bearer' : 'N_A', sub: nobody },
        ...{ scope: 'read', client_id: mine.partner.clientId, ext: 'u-1' },
      });
    });

    it('tell of a key’s tokens', async () => {
      const { accessToken, refreshToken } = await ofKey(mine);
      const sub = `key_${mine.key.keyId}`;
      expect(await introspect(accessToken)).toMatchObject({ active: true, token_use: 'access', sub, scope: 'read' });
      expect(await introspect(refreshToken)).toMatchObject({ active: true, token_use: 'refresh', sub, scope: 'read' });
    });

    it('say only that it is not active of whatever is not valid for who asks', async () => {
      const other = await signIn(theirs);
      const { browser, code, refreshToken } = await signIn(mine);
      const spent = (
        await request(`${stack.url}/v1/session/refresh`, { method: 'POST', body: { refreshToken } })
      ).json();
      await request(`${stack.url}/v1/session/refresh`, { method: 'POST', body: { refreshToken: spent.refreshToken } });
      const texts: Record<string, string> = {
        garbage: 'x',
        'a megabyte-ish': 'x'.repeat(9000),
        'three dots': 'a.b.c',
        'another client’s access token': other.accessToken,
        'another client’s refresh token': other.refreshToken,
        'another client’s SDK token': await sign({ kind: 'sdk', subject: nobody }, theirs),
        'another’s refresh token under my name': other.refreshToken.replace(
          theirs.partner.clientId,
          mine.partner.clientId,
        ),
        'a superseded refresh token': refreshToken,
        'a session cookie': browser.cookie.split('=')[1] ?? '',
        'a spent code': code,
        'a link': mine.partner.token(),
        'a private key': mine.key.key,
        'a public key': (await keyOf(mine.partner, { kind: 'public' })).key,
        'an expired token': await sign({ kind: 'sdk', subject: nobody }).then((text) => expired(text)),
      };
      for (const [name, text] of Object.entries(texts))
        expect([name, await introspect(text)]).toEqual([name, { active: false }]);
    });

    it('say so of a token whose time is over, too', async () => {
      const text = await sign({ kind: 'sdk', subject: nobody, ttlSeconds: 1 });
      await ends(() => introspect(text));
    });

    it('say so once a session has ended, a user is suspended, a key deleted', async () => {
      const [ended, suspended] = [await signIn(mine), await signIn(mine)];
      const key = await keyOf(mine.partner);
      const sdk = await sign({ kind: 'sdk', subject: `key_${key.keyId}`, epoch: 0 });
      for (const text of [ended.accessToken, ended.refreshToken, suspended.accessToken, suspended.refreshToken, sdk])
        expect(await introspect(text)).toMatchObject({ active: true });

      await request(`${stack.url}/v1/session`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${ended.accessToken}` },
      });
      const path = `clients/${mine.partner.clientId}`;
      await admin.send('POST', `${path}/users/${suspended.user.userId}/suspend`);
      await admin.delete(`${path}/api-keys/${key.keyId}`);
      for (const text of [ended.accessToken, ended.refreshToken, suspended.accessToken, suspended.refreshToken, sdk])
        await ends(() => introspect(text));
    });
  });

  describe('of revocation', () => {
    it.each(['accessToken', 'refreshToken'] as const)('end the whole session by its %s', async (which) => {
      const pair = await signIn(mine);
      const answer = await revoke(pair[which]);
      expect([answer.status, answer.text]).toEqual([200, '']);
      await eventually(
        () => statusOf(pair.accessToken),
        (status) => status === 401,
      );
      const { refreshToken } = pair;
      const refreshed = await request(`${stack.url}/v1/session/refresh`, { method: 'POST', body: { refreshToken } });
      expect(refreshed.status).toBe(401);
      const closings = await admin.audit({
        clientId: mine.partner.clientId,
        type: 'session.closed',
        userId: pair.user.userId,
      });
      expect(closings.map(({ reason }) => reason)).toEqual(['revoked']);
      expect((await revoke(pair[which])).status).toBe(200);
    });

    it('end it by a refresh token that has a successor', async () => {
      const { refreshToken, accessToken } = await signIn(mine);
      await request(`${stack.url}/v1/session/refresh`, { method: 'POST', body: { refreshToken } });
      expect((await revoke(refreshToken)).status).toBe(200);
      await eventually(
        () => statusOf(accessToken),
        (status) => status === 401,
      );
    });

    it('end the session of a key', async () => {
      const { accessToken, refreshToken } = await ofKey(mine);
      expect(await statusOf(accessToken)).toBe(204);
      expect((await revoke(refreshToken)).status).toBe(200);
      await eventually(
        () => statusOf(accessToken),
        (status) => status === 401,
      );
    });

    it('answer 200 and do nothing for what is unknown, or another client’s', async () => {
      const { accessToken, refreshToken, code } = await signIn(theirs);
      const renamed = refreshToken.replace(theirs.partner.clientId, mine.partner.clientId);
      const sdk = await sign({ kind: 'sdk', subject: nobody }, theirs);
      for (const text of ['x', 'a.b.c', accessToken, refreshToken, renamed, code, theirs.key.key, sdk]) {
        const answer = await revoke(text);
        expect([answer.status, answer.text]).toEqual([200, '']);
      }
      expect(await statusOf(accessToken)).toBe(204);
      for (const text of [accessToken, refreshToken, sdk])
        expect(await introspect(text, theirs)).toMatchObject({ active: true });
    });

    it.each(['sdk', 'media', 'account'] as const)(
      'say that a token of kind %s without a session cannot be',
      async (kind) => {
        const text = await sign({ kind, subject: nobody });
        expect(told(await revoke(text))).toEqual([400, undefined, 'unsupported_token_type']);
        expect(await introspect(text)).toMatchObject({ active: true });
      },
    );

    it('say so of a key and of a cookie, which end elsewhere', async () => {
      const { browser } = await signIn(mine);
      for (const text of [mine.key.key, browser.cookie.split('=')[1] ?? ''])
        expect(told(await revoke(text))).toEqual([400, undefined, 'unsupported_token_type']);
      expect((await browser.open('/v1/session', { headers: { accept: '*/*' } })).status).toBe(200);
    });

    it('ignore the hint', async () => {
      const { accessToken } = await signIn(mine);
      const form = { token: accessToken, token_type_hint: 'refresh_token', something: 'else' };
      expect((await post('revoke', form, bearer(mine.key))).status).toBe(200);
      await eventually(
        () => statusOf(accessToken),
        (status) => status === 401,
      );
    });
  });

  describe.each(['introspect', 'revoke'])('of /oauth2/%s', (path) => {
    it('take a private key as bearer, and as the password of any user', async () => {
      const { partner, key } = mine;
      const publicPart = key.key.split('_').slice(0, 4).join('_');
      for (const headers of [
        bearer(key),
        basic(key),
        basic(key, publicPart),
        basic(key, partner.clientId),
        basic(key, ''),
      ])
        expect((await post(path, { token: 'x' }, headers)).status).toBe(200);
    });

    it('take nothing else', async () => {
      const { accessToken, browser } = await signIn(mine);
      const pub = await keyOf(mine.partner, { kind: 'public' });
      const deleted = await keyOf(mine.partner);
      await admin.delete(`clients/${mine.partner.clientId}/api-keys/${deleted.keyId}`);
      const invalid = async (headers: Record<string, string>, scheme: string) =>
        expect(told(await post(path, { token: 'x' }, headers))).toEqual([401, scheme, 'invalid_client']);
      const aBasic = 'Basic realm="segue"';
      await invalid({}, aBasic);
      await invalid({ cookie: browser.cookie }, aBasic);
      await invalid({ 'x-api-key': mine.key.key, apikey: mine.key.key }, aBasic);
      for (const text of [pub.key, deleted.key, accessToken, 'x', 'x'.repeat(600), stack.adminKey]) {
        await invalid(bearer({ keyId: '', key: text }), 'Bearer');
        await invalid(basic({ keyId: '', key: text }), aBasic);
      }
      await invalid({ authorization: `Basic ${Buffer.from('no colon').toString('base64')}` }, aBasic);
      const form = { token: 'x', client_id: mine.partner.clientId, client_secret: mine.key.key };
      expect(told(await post(path, form))).toEqual([401, aBasic, 'invalid_client']);
    });

    it('are not for browsers, which hold no private key', async () => {
      for (const headers of [{ origin: portal }, { 'sec-fetch-site': 'cross-site' }])
        expect(told(await post(path, { token: 'x' }, { ...bearer(mine.key), ...headers }))).toEqual([
          403,
          undefined,
          'access_denied',
        ]);
    });

    it('are refused to a suspended client', async () => {
      const { partner, key } = await side();
      await admin.patch(`clients/${partner.clientId}`, { status: 'suspended' });
      const answer = await eventually(
        () => post(path, { token: 'x' }, bearer(key)),
        ({ status }) => status !== 200,
      );
      expect(told(answer)).toEqual([401, 'Bearer', 'invalid_client']);
    });

    it.each(['', 'token=', 'token=a&token=b', 'token[]=a', 'token_type_hint=access_token'])(
      'call «%s» an invalid request',
      async (form) => {
        const answer = await post(path, form, bearer(mine.key));
        expect(told(answer)).toEqual([400, undefined, 'invalid_request']);
        expect(answer.headers['content-type']).toMatch(/^application\/json/);
        expect(answer.headers['cache-control']).toBe('no-store');
      },
    );

    it('take no JSON, no query and no other method', async () => {
      const json = await request(`${stack.url}/oauth2/${path}`, {
        method: 'POST',
        headers: bearer(mine.key),
        body: { token: 'x' },
      });
      expect(told(json)).toEqual([415, undefined, 'invalid_request']);
      expect(told(await post(`${path}?token=x`, '', bearer(mine.key)))).toEqual([400, undefined, 'invalid_request']);
      const got = await request(`${stack.url}/oauth2/${path}`, { headers: bearer(mine.key) });
      expect([...told(got), got.headers['allow']]).toEqual([405, undefined, 'invalid_request', 'POST']);
    });

    it('count a key by itself, and say how far', async () => {
      const [a, b] = [await keyOf(mine.partner), await keyOf(mine.partner)];
      const left = async (key: Key) => {
        const { headers } = await post(path, { token: 'x' }, bearer(key));
        expect(headers['ratelimit-policy']).toBe('"introspection";q=6000;w=60');
        return Number(/;r=(\d+);/.exec(headers['ratelimit'] ?? '')?.[1]);
      };
      expect([await left(a), await left(a), await left(b)]).toEqual([5999, 5998, 5999]);
      const wrong = await post(path, { token: 'x' }, bearer({ keyId: '', key: 'x' }));
      expect([wrong.status, wrong.headers['ratelimit-policy']]).toEqual([401, '"introspection";q=6000;w=60']);
    });
  });
});

/** The same token with an end that is over: the signature does not fit any more, which nobody is told either. */
function expired(text: string): string {
  const [head, body = '', signature] = text.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  const past = Buffer.from(JSON.stringify({ ...claims, exp: 1 })).toString('base64url');
  return [head, past, signature].join('.');
}
