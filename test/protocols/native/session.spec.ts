import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { session } from '#contracts/session';
import { token } from '#contracts/token';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { busOf } from '../../support/bus.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('a session', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  let line: Awaited<ReturnType<typeof busOf>>;

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    partner = await Partner.register(admin);
    line = await busOf(stack);
  }, startMs);
  afterAll(async () => {
    await line?.close();
    await stack?.stop();
  });

  const signedIn = async (by = partner) => {
    const browser = new Browser(stack.url);
    await browser.open(by.link({ userId: `user-${randomUUID()}` }));
    return browser;
  };
  const read = (headers: Record<string, string>) => request(`${stack.url}/v1/session`, { headers });
  const end = (headers: Record<string, string>) => request(`${stack.url}/v1/session`, { method: 'DELETE', headers });
  const refused = { status: 401, code: 'session_refused', title: 'There is no valid session.' };

  it('is read by its cookie', async () => {
    const { cookie } = await signedIn();
    const answer = await read({ cookie });
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
    const { session: current, user } = answer.json();
    expect(current).toMatchObject({ clientId: partner.clientId, subject: user.userId, protocol: 'api-link' });
    expect(answer.text).not.toContain(cookie.split('=')[1]);
  });

  it.each([
    ['nothing', {}],
    ['another cookie', { cookie: 'other=1' }],
    ['an invented cookie', { cookie: 'segue=segue_ss_abcdefgh_x' }],
    ['an empty cookie', { cookie: 'segue=' }],
    ['a very long cookie', { cookie: `segue=${'x'.repeat(5000)}` }],
    ['control characters', { cookie: 'segue=%00%ff%0d%0a' }],
    ['a bearer that is no token', { authorization: 'Bearer nonsense' }],
    ['Basic', { authorization: 'Basic YTpi' }],
    ['the admin’s scheme without a key', { authorization: 'Bearer' }],
  ])('is not read by %s', async (_name, headers) => {
    const answer = await read(headers as Record<string, string>);
    expect(answer.json()).toMatchObject(refused);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  it('is not read by a cookie somebody changed', async () => {
    const { cookie } = await signedIn();
    const flipped = cookie.slice(0, -1) + (cookie.endsWith('A') ? 'B' : 'A');
    expect((await read({ cookie: flipped })).status).toBe(401);
  });

  it('ends on request, and its cookie with it', async () => {
    const browser = await signedIn();
    const { cookie } = browser;
    const answer = await browser.open('/v1/session', {
      method: 'DELETE',
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(answer.cookies[0]).toMatch(/^segue=; Max-Age=0; Path=\/; HttpOnly/);
    expect((await read({ cookie })).json()).toMatchObject(refused);
    expect((await end({ cookie })).status).toBe(401);
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another host of the same site', { 'sec-fetch-site': 'same-site' }],
    ['an older browser on another site', { origin: 'https://evil.example' }],
    ['a sandboxed frame', { origin: 'null' }],
  ])('does not end at the wish of %s', async (_name, headers) => {
    const { cookie } = await signedIn();
    expect((await end({ cookie, ...headers } as Record<string, string>)).json()).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
    expect((await read({ cookie })).status).toBe(200);
  });

  describe('by access token', () => {
    const accessToken = async (by: Partner, change: { sessionId?: string; kind?: 'access' | 'sdk' | 'media' } = {}) => {
      const { cookie } = await signedIn(by);
      const current = (await read({ cookie })).json().session;
      const signed = await line.bus.ask(token.sign, {
        kind: 'access',
        clientId: by.clientId,
        subject: current.subject,
        sessionId: current.sessionId,
        scopes: [],
        jti: randomUUID(),
        ttlSeconds: 60,
        ...change,
      });
      return { current, authorization: `Bearer ${signed.token}` };
    };

    it('is read, also where the client has an audience of its own', async () => {
      const other = await Partner.register(admin, { audience: 'https://api.example.com' });
      for (const by of [partner, other]) {
        const { current, authorization } = await accessToken(by);
        expect((await read({ authorization })).json().session).toEqual(current);
      }
    });

    it('ends, whatever site asks, because no browser adds a bearer by itself', async () => {
      const { authorization } = await accessToken(partner);
      expect((await end({ authorization, 'sec-fetch-site': 'cross-site' })).status).toBe(204);
      expect((await read({ authorization })).json()).toMatchObject(refused);
    });

    it.each(['sdk', 'media'] as const)('is not read by a token of kind %s', async (kind) => {
      const { authorization } = await accessToken(partner, { kind });
      expect((await read({ authorization })).json()).toMatchObject(refused);
    });

    it('is not read once it has ended, or where it never was', async () => {
      const { current, authorization } = await accessToken(partner);
      await line.bus.ask(session.close, {
        clientId: partner.clientId,
        sessionId: current.sessionId,
        reason: 'revoked',
      });
      expect((await read({ authorization })).json()).toMatchObject(refused);
      const { authorization: stray } = await accessToken(partner, { sessionId: randomUUID() });
      expect((await read({ authorization: stray })).json()).toMatchObject(refused);
    });

    it('is not read by a token of another key, or with a changed signature', async () => {
      const { authorization } = await accessToken(partner);
      const [head = '', body = '', signature = ''] = authorization.slice(7).split('.');
      const otherKid = Buffer.from(JSON.stringify({ alg: 'EdDSA', typ: 'at+jwt', kid: 'nobody' })).toString(
        'base64url',
      );
      for (const forged of [`${otherKid}.${body}.${signature}`, `${head}.${body}.${'A'.repeat(86)}`]) {
        expect((await read({ authorization: `Bearer ${forged}` })).json()).toMatchObject(refused);
      }
    });

    it('does not fall back to the cookie where a token is given', async () => {
      const { cookie } = await signedIn();
      expect((await read({ cookie, authorization: 'Bearer nonsense' })).status).toBe(401);
    });
  });

  describe('on the demo page', () => {
    it('is shown with what the user is called, and nobody where there is none', async () => {
      const browser = new Browser(stack.url);
      expect((await browser.open('/demo')).text).toContain('Nobody is signed in');
      await browser.open(partner.link({ userId: '<b>id</b>', username: '<script>alert(1)</script>' }));
      const page = await browser.open('/demo');
      expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      expect(page.text).toContain('Signed in as &lt;script&gt;');
      expect(page.text).toContain('&lt;b&gt;id&lt;/b&gt;');
      expect(page.text).not.toContain('<script');
      expect(page.headers['content-security-policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    });

    it('ends with its button, and not with a button of another site', async () => {
      const browser = await signedIn();
      const press = (site: string) =>
        browser.open('/demo/sign-out', {
          method: 'POST',
          headers: { 'sec-fetch-site': site, 'content-type': 'application/x-www-form-urlencoded' },
          body: '',
        });
      expect((await press('cross-site')).status).toBe(403);
      expect((await browser.open('/demo')).text).toContain('Signed in as');
      const answer = await press('same-origin');
      expect([answer.status, answer.headers['location']]).toEqual([303, '/demo']);
      expect((await browser.open('/demo')).text).toContain('Nobody is signed in');
      expect((await press('same-origin')).status).toBe(303);
    });
  });

  it('page for signing in repeats nothing that stands in its address', async () => {
    const query = new URLSearchParams({
      error: '"><script>',
      support: '<img src=x>',
      message: 'Your account was hacked',
    });
    const page = await request(`${stack.url}/login?${query}`, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(200);
    expect(page.text).not.toMatch(/<script|<img|hacked/);
  });

  it('keys are published, to be kept for five minutes at most', async () => {
    const answer = await request(`${stack.url}/.well-known/jwks.json`);
    expect(answer.headers['cache-control']).toBe('public, max-age=300');
    const { keys } = answer.json();
    expect(keys.length).toBeGreaterThanOrEqual(2);
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  });
});
