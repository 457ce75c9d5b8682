import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { type Answer, request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const portal = 'https://portal.example.com';

describe('a landing on another origin', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'claim=1000/1m' } });
    admin = new Admin(stack);
    partner = await Partner.register(admin, { landingUrl: `${portal}/start?from=segue` });
  }, startMs);
  afterAll(() => stack?.stop());

  const land = async (
    claims: object = {},
    { by = partner, callbackPath }: { by?: Partner; callbackPath?: string } = {},
  ) => {
    const browser = new Browser(stack.url);
    const answer = await browser.open(by.link({ ...claims }, callbackPath === undefined ? {} : { callbackPath }));
    const location = new URL(answer.headers['location']!, stack.url);
    return { browser, location, code: location.searchParams.get('code') ?? '' };
  };
  const send = (path: string, body: object, headers: Record<string, string> = {}) =>
    request(`${stack.url}/v1/session/${path}`, { method: 'POST', body, headers });
  const claim = (code: string, headers: Record<string, string> = { origin: portal }) =>
    send('claim', { code }, headers);
  const refresh = (refreshToken: string, headers: Record<string, string> = {}) =>
    send('refresh', { refreshToken }, headers);
  const by = (accessToken: string) =>
    request(`${stack.url}/v1/session`, { headers: { authorization: `Bearer ${accessToken}` } });
  const keyOf = async (of: Partner, kind: 'private' | 'public' = 'private', scopes = ['sessions.write']) =>
    (await admin.post(`clients/${of.clientId}/api-keys`, { name: 'backend', kind, scopes })).key as string;
  const refusedWith = (answer: Answer, status: number, code: string) =>
    expect([answer.status, answer.json().code]).toEqual([status, code]);

  it('carries a code, and whatever its address carried', async () => {
    const { location, code } = await land({ userId: 'carried' });
    expect(location.href.startsWith(`${portal}/start?`)).toBe(true);
    expect(location.searchParams.get('from')).toBe('segue');
    expect(code).toMatch(new RegExp(`^segue_code_${partner.clientId}_[0-9A-Za-z]{43}$`));
  });

  it('may be a path of it, or exactly one of redirectUrls', async () => {
    const callback = await land({ userId: 'path' }, { callbackPath: '/orders?code=theirs&a=b' });
    expect(callback.location.pathname).toBe('/orders');
    expect(callback.location.searchParams.getAll('code')).toEqual([callback.code]);
    expect(callback.location.searchParams.get('a')).toBe('b');

    const listed = await Partner.register(admin, { redirectUrls: ['https://app.example.com/in'] });
    const there = await land({ userId: 'listed' }, { by: listed, callbackPath: 'https://app.example.com/in' });
    expect(there.location.href).toMatch(/^https:\/\/app\.example\.com\/in\?code=segue_code_/);
    expect((await claim(there.code, { origin: 'https://app.example.com' })).status).toBe(200);
    const elsewhere = await land({ userId: 'unlisted' }, { by: listed, callbackPath: 'https://app.example.com/in/x' });
    expect([elsewhere.location.href, elsewhere.code]).toEqual([`${stack.url}/home`, '']);
  });

  it('is not one that is ours, spelled out', async () => {
    const here = await Partner.register(admin, { landingUrl: `${stack.url}/demo` });
    expect((await land({}, { by: here })).location.href).toBe(`${stack.url}/demo`);
  });

  it('gives its page a session of its own', async () => {
    const { browser, code } = await land({ userId: 'claimed', username: 'Clara' });
    const answer = await claim(code);
    expect([answer.status, answer.headers['cache-control'], answer.cookies]).toEqual([200, 'no-store', []]);
    const { accessToken, refreshToken, expiresIn, user } = answer.json();
    expect(user).toMatchObject({ externalId: 'claimed', username: 'Clara' });
    expect(expiresIn).toBe(900);
    expect(refreshToken).toMatch(new RegExp(`^segue_rt_${partner.clientId}_`));

    const { session: child } = (await by(accessToken)).json();
    const { session: parent } = (await browser.open('/v1/session')).json();
    expect(child).toMatchObject({ protocol: 'claim', subject: parent.subject, clientId: partner.clientId });
    expect(child.sessionId).not.toBe(parent.sessionId);
    expect(Date.parse(child.expiresAt)).toBeLessThanOrEqual(Date.parse(parent.expiresAt));
    expect(decodeJwt(accessToken)).toMatchObject({
      sub: user.userId,
      ext: 'claimed',
      sid: child.sessionId,
      client_id: partner.clientId,
      iss: stack.url,
    });
  });

  it('dies with the session it hangs on', async () => {
    const { browser, code } = await land({ userId: 'parent' });
    const { code: late } = await land({ userId: 'parent' });
    const { accessToken, refreshToken } = (await claim(code)).json();
    await browser.open('/v1/session', { method: 'DELETE', headers: { 'sec-fetch-site': 'same-origin' } });
    expect((await by(accessToken)).status).toBe(401);
    refusedWith(await refresh(refreshToken), 401, 'refresh_refused');
    expect((await claim(late)).status).toBe(200);

    const unspent = await land({ userId: 'parent' });
    await unspent.browser.open('/v1/session', { method: 'DELETE', headers: { 'sec-fetch-site': 'same-origin' } });
    refusedWith(await claim(unspent.code), 401, 'code_refused');
  });

  it('is reloaded with a new code for the same session', async () => {
    const link = partner.link({ userId: 'reloaded' });
    const browser = new Browser(stack.url);
    const codes: string[] = [];
    for (let times = 0; times < 2; times++) {
      const { headers } = await browser.open(link);
      codes.push(new URL(headers['location']!).searchParams.get('code')!);
    }
    expect(new Set(codes).size).toBe(2);
    for (const code of codes) expect((await claim(code)).status).toBe(200);
  });

  describe('is claimed once', () => {
    it('and by nobody who says nothing of himself, or something else', async () => {
      const { code } = await land({ userId: 'guarded' });
      for (const headers of [
        {},
        { origin: 'null' },
        { origin: 'https://evil.example' },
        { origin: 'https://portal.example.com.evil.example' },
        { origin: 'http://portal.example.com' },
        { origin: `${portal}:8443` },
        { origin: stack.url },
        { origin: `https://${'x'.repeat(300)}.example` },
      ]) {
        refusedWith(await claim(code, headers as Record<string, string>), 401, 'code_refused');
      }
      expect((await claim(code)).status).toBe(200);
      refusedWith(await claim(code), 401, 'code_refused');
    });

    it('stands in the audit trail, refused or not, and never with its secret', async () => {
      const { code, browser } = await land({ userId: 'told' });
      await claim(code);
      await claim(code);
      const { user } = (await browser.open('/v1/session')).json();
      const about = [];
      for (const type of ['token.offered', 'token.claimed'])
        about.push(...(await admin.audit({ clientId: partner.clientId, userId: user.userId, type })));
      const failed = await admin.audit({ clientId: partner.clientId, type: 'token.claim_failed' });
      expect(failed[0]).toMatchObject({ reason: expect.any(String) });
      expect(JSON.stringify([about, failed])).not.toContain(code.split('_').at(-1));
    });

    it.each([
      '',
      'x',
      'segue_code_x',
      `segue_code_nobody00_${'A'.repeat(43)}`,
      `segue_rt_nobody00_${'A'.repeat(43)}`,
      'x'.repeat(256),
    ])('and not as "%s"', async (code) => refusedWith(await claim(code), 401, 'code_refused'));

    it.each([{}, { code: 7 }, { code: 'x'.repeat(257) }, { code: 'x', more: 1 }, []])('and not by %j', async (body) =>
      refusedWith(await send('claim', body, { origin: portal }), 400, 'request_invalid'),
    );
  });

  describe('is claimed by a backend', () => {
    it('with a private key that may', async () => {
      const { code } = await land({ userId: 'backend' });
      const authorization = `Bearer ${await keyOf(partner)}`;
      expect((await claim(code, { authorization })).json().user.externalId).toBe('backend');
      refusedWith(await claim(code, { authorization }), 401, 'code_refused');
    });

    it('with no other key, which consumes nothing', async () => {
      const { code } = await land({ userId: 'keys' });
      const other = await Partner.register(admin);
      const [unscoped, published, foreign] = await Promise.all([
        keyOf(partner, 'private', ['users.read']),
        keyOf(partner, 'public'),
        keyOf(other),
      ]);
      refusedWith(await claim(code, { authorization: `Bearer ${unscoped}` }), 403, 'scope_missing');
      refusedWith(await claim(code, { authorization: `Bearer ${published}` }), 401, 'key_refused');
      refusedWith(await claim(code, { authorization: `Bearer ${foreign}` }), 401, 'code_refused');
      for (const authorization of ['Bearer', 'Bearer nonsense', 'Basic YTpi', `Bearer ${stack.adminKey}`])
        refusedWith(await claim(code, { authorization, origin: portal }), 401, 'key_refused');
      expect((await claim(code)).status).toBe(200);
    });
  });

  it('is not claimed for who was suspended or erased meanwhile', async () => {
    for (const [userId, end, code] of [
      ['halted', (path: string) => admin.send('POST', `${path}/suspend`), 'account_suspended'],
      ['gone', (path: string) => admin.send('DELETE', path), 'code_refused'],
    ] as const) {
      const landed = await land({ userId });
      const { user } = (await landed.browser.open('/v1/session')).json();
      await end(`clients/${partner.clientId}/users/${user.userId}`);
      refusedWith(await claim(landed.code), 401, code);
    }
  });

  describe('goes on', () => {
    const pairOf = async (userId: string) => (await claim((await land({ userId })).code)).json();

    it('with a successor of its refresh token, and the same one for whoever asks twice', async () => {
      const first = await pairOf('rotated');
      const [second, again] = [(await refresh(first.refreshToken)).json(), (await refresh(first.refreshToken)).json()];
      expect(second.refreshToken).not.toBe(first.refreshToken);
      expect(again.refreshToken).toBe(second.refreshToken);
      expect(second).toMatchObject({ expiresIn: 900, user: first.user });
      expect((await by(second.accessToken)).status).toBe(200);
    });

    it('until an old token comes back', async () => {
      const first = await pairOf('reused');
      const second = (await refresh(first.refreshToken)).json();
      const third = (await refresh(second.refreshToken)).json();
      refusedWith(await refresh(first.refreshToken), 401, 'refresh_refused');
      refusedWith(await refresh(third.refreshToken), 401, 'refresh_refused');
      expect((await by(third.accessToken)).status).toBe(401);
    });

    it('not for who was suspended', async () => {
      const { refreshToken, user } = await pairOf('stopped');
      await admin.send('POST', `clients/${partner.clientId}/users/${user.userId}/suspend`);
      refusedWith(await refresh(refreshToken), 401, 'refresh_refused');
    });

    it.each(['', 'x', 'segue_rt_', `segue_rt_nobody00_${'A'.repeat(60)}`])('not by "%s"', async (refreshToken) =>
      refusedWith(await refresh(refreshToken), 401, 'refresh_refused'),
    );

    it('never with an access token that outlives the session', async () => {
      const brief = await Partner.register(admin, {
        landingUrl: `${portal}/start`,
        lifetimes: { apiLink: { access: 900, session: 60 } },
      });
      const pair = (await claim((await land({}, { by: brief })).code)).json();
      for (const { accessToken, refreshToken, expiresIn } of [pair, (await refresh(pair.refreshToken)).json()]) {
        expect(expiresIn).toBeLessThanOrEqual(60);
        const { session } = (await by(accessToken)).json();
        expect(decodeJwt(accessToken).exp! * 1000).toBeLessThanOrEqual(Date.parse(session.expiresAt) + 999);
        expect(refreshToken).toMatch(/^segue_rt_/);
      }
    });
  });

  describe('is reached from its own pages', () => {
    const preflight = (path: string, origin: string) =>
      request(`${stack.url}${path}`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
      });

    it.each(['/v1/session/claim', '/v1/session/refresh', '/v1/session', '/v1/anonymous'])(
      'by a preflight for %s',
      async (path) => {
        const answer = await preflight(path, portal);
        expect([answer.status, answer.text]).toEqual([204, '']);
        expect(answer.headers).toMatchObject({
          'access-control-allow-origin': portal,
          'access-control-allow-headers': 'authorization, content-type',
          'access-control-max-age': '600',
        });
      },
    );

    it.each([
      'null',
      'https://evil.example',
      'https://portal.example.com.evil.example',
      '*',
      '',
      'https://PORTAL.example.com',
    ])('and from none like "%s"', async (origin) => {
      const answer = await preflight('/v1/session/claim', origin);
      expect(answer.status).toBe(405);
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    });

    it('and not to other routes', async () => {
      for (const path of ['/api/link', '/v1/admin/clients', '/login', '/demo/sign-out'])
        expect((await preflight(path, portal)).headers).not.toHaveProperty('access-control-allow-origin');
    });

    it('as long as the client is active and lists it', async () => {
      const origin = 'https://listed.example.com';
      const listing = await Partner.register(admin, { origins: [origin] });
      expect((await preflight('/v1/session', origin)).status).toBe(204);
      await admin.patch(`clients/${listing.clientId}`, { settings: { origins: [] } });
      await eventually(async () => (await preflight('/v1/session', origin)).status === 405);
      await admin.patch(`clients/${listing.clientId}`, { settings: { origins: [origin] } });
      await eventually(async () => (await preflight('/v1/session', origin)).status === 204);
      await admin.patch(`clients/${listing.clientId}`, { status: 'suspended' });
      await eventually(async () => (await preflight('/v1/session', origin)).status === 405);
    }, 30_000);

    it('and answers no page of another client', async () => {
      const other = await Partner.register(admin, { origins: ['https://other.example.com'] });
      expect(other.clientId).not.toBe(partner.clientId);
      const { accessToken, refreshToken } = (await claim((await land({ userId: 'mine' })).code)).json();
      const authorization = `Bearer ${accessToken}`;
      const read = (origin: string) => request(`${stack.url}/v1/session`, { headers: { authorization, origin } });
      expect([(await read(portal)).status, (await read(portal)).headers['access-control-allow-origin']]).toEqual([
        200,
        portal,
      ]);
      refusedWith(await read('https://other.example.com'), 403, 'origin_refused');
      refusedWith(await read('null'), 403, 'origin_refused');
      refusedWith(await refresh(refreshToken, { origin: 'https://other.example.com' }), 403, 'origin_refused');
      expect((await refresh(refreshToken, { origin: portal })).status).toBe(200);
    });
  });

  async function eventually(done: () => Promise<boolean>) {
    const until = Date.now() + 8_000;
    while (!(await done())) {
      if (Date.now() > until) throw new Error('it never came');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
});
