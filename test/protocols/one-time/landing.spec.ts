import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { refusedTargets } from '../../../apps/gateway/src/http/landing.support.js';
import { Admin } from '../../support/admin.js';
import { Browser, fieldsOf } from '../../support/browser.js';
import { type Answer, request } from '../../support/http.js';
import { exchange, Member } from '../../support/member.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const doors = ['/login', '/user/login'];

describe('a landing by one-time token', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  let member: Member;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'password=1000/1m,claim=1000/1m' } });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
    member = await Member.register(admin, partner.clientId);
  }, startMs);
  afterAll(() => stack?.stop());

  const at = (t: string, more: Record<string, string> = {}, door = '/login') =>
    `${door}?${new URLSearchParams({ t, ...more })}`;
  const whoIs = async (browser: Browser) =>
    (await browser.open('/v1/session', { headers: { accept: '*/*' } })).json().user?.userId;
  const land = async (t: string, more: Record<string, string> = {}, browser = new Browser(stack.url)) => ({
    browser,
    answer: await browser.open(at(t, more)),
  });
  const isRefused = (answer: Answer) => {
    expect([answer.status, answer.cookies]).toEqual([303, []]);
    expect(answer.headers['location']).toMatch(/^\/login\?error=invalid_token&support=[0-9a-z]{10}$/);
  };

  it.each(doors)('signs the browser in at %s', async (door) => {
    const t = await member.oneTimeToken();
    const browser = new Browser(stack.url);
    const answer = await browser.open(at(t, { server: 'true', redirectUrl: '/invoices?id=7#top' }, door));
    expect([answer.status, answer.headers['location'], answer.text]).toEqual([303, '/invoices?id=7#top', '']);
    expect(answer.cookies).toEqual([expect.stringMatching(/^segue=segue_ss_.*HttpOnly; SameSite=Lax/)]);
    expect([answer.headers['cache-control'], answer.headers['referrer-policy']]).toEqual(['no-store', 'no-referrer']);
    expect(JSON.stringify(answer)).not.toContain(t);
    expect(await whoIs(browser)).toBe(member.userId);
  });

  it('lands on landingUrl where nothing else is asked for', async () => {
    const { answer } = await land(await member.oneTimeToken());
    expect([answer.status, answer.headers['location']]).toEqual([303, '/home']);
  });

  it('is once: the same browser that comes again is refused, too', async () => {
    const t = await member.oneTimeToken();
    const { browser } = await land(t);
    isRefused((await land(t, {}, browser)).answer);
    isRefused((await land(t)).answer);
    expect(await whoIs(browser)).toBe(member.userId);
    expect((await exchange(stack.url, { token: t })).status).toBe(401);
  });

  it('spends the token for the other door, too', async () => {
    const t = await member.oneTimeToken();
    expect((await exchange(stack.url, { token: t })).status).toBe(200);
    isRefused((await land(t)).answer);
  });

  it('dies with the session the token was made in', async () => {
    const accessToken = await member.accessToken();
    const [early, late] = [await member.oneTimeToken(accessToken), await member.oneTimeToken(accessToken)];
    const { browser } = await land(early);
    expect(await whoIs(browser)).toBe(member.userId);
    const authorization = `Bearer ${accessToken}`;
    const signedOut = await request(`${stack.url}/v1/session`, { method: 'DELETE', headers: { authorization } });
    expect(signedOut.status).toBe(204);
    isRefused((await land(late)).answer);
    expect(await whoIs(browser)).toBeUndefined();
  });

  it('gives the browser a session that never outlives its parent', async () => {
    const accessToken = await member.accessToken();
    const { browser } = await land(await member.oneTimeToken(accessToken));
    const read = async (headers: Record<string, string>) =>
      (await request(`${stack.url}/v1/session`, { headers })).json().session;
    const [parent, child] = [
      await read({ authorization: `Bearer ${accessToken}` }),
      await read({ cookie: browser.cookie }),
    ];
    expect(child.protocol).toBe('one-time');
    expect(child.sessionId).not.toBe(parent.sessionId);
    expect(Date.parse(child.expiresAt)).toBeLessThanOrEqual(Date.parse(parent.expiresAt));
    expect(child.authenticatedAt).toBe(parent.authenticatedAt);
    expect(child.scopes).toEqual([]);
  });

  it('works in the very browser the token’s session began in', async () => {
    const portal = 'https://portal.example.com';
    const afar = await Partner.register(admin, { landingUrl: `${portal}/` });
    const browser = new Browser(stack.url);
    const landing = await browser.open(afar.link({ userId: 'round' }));
    const code = new URL(landing.headers['location']!).searchParams.get('code');
    const claimed = await request(`${stack.url}/v1/session/claim`, {
      method: 'POST',
      body: { code },
      headers: { origin: portal },
    });
    const t = await member.oneTimeToken(claimed.json().accessToken);
    const answer = await browser.open(at(t));
    expect(answer.status).toBe(303);
    expect(await whoIs(browser)).toBe(claimed.json().user.userId);
  });

  describe('refused', () => {
    it.each(['x', 'segue_ott_x', `segue_ott_nobody00_${'A'.repeat(43)}`, 'a.b.c', 'x'.repeat(2_000)])(
      'for "%s", sends a browser to the login page',
      async (t) => isRefused((await land(t)).answer),
    );

    it('goes to the loginUrl of the client', async () => {
      const own = await Partner.register(admin, { loginUrl: 'https://portal.example.com/sign-in' });
      const { answer } = await land(`segue_ott_${own.clientId}_${'A'.repeat(43)}`);
      expect(answer.headers['location']).toMatch(
        /^https:\/\/portal\.example\.com\/sign-in\?error=invalid_token&support=/,
      );
    });

    it('is told to programs as in protocol 000, and why only in the audit trail', async () => {
      const t = await member.oneTimeToken();
      await land(t);
      const answer = await request(`${stack.url}${at(t)}`);
      expect(answer.status).toBe(401);
      const { support, ...told } = answer.json();
      expect(told).toEqual({ message: 'The link is not valid.', code: 'invalid_token' });
      const [entry] = await admin.audit({ support });
      expect(entry).toMatchObject({ type: 'token.claim_failed', reason: 'unknown', clientId: partner.clientId });
      expect(JSON.stringify(entry)).not.toContain(t.split('_').at(-1));
    });

    it('at a host of another client, which spends nothing', async () => {
      await Partner.register(admin, { hosts: ['other.example.com'] });
      const t = await member.oneTimeToken();
      const answer = await request(`${stack.url}${at(t)}`, { headers: { host: 'other.example.com' } });
      expect(answer.status).toBe(401);
      expect((await land(t)).answer.headers['location']).toBe('/home');
    });
  });

  describe('asked for with redirectUrl', () => {
    it.each([
      ['/a/b?c=d#e', '/a/b?c=d#e'],
      ['', '/home'],
    ])('"%s" ends on %s', async (redirectUrl, location) => {
      const t = await member.oneTimeToken();
      const { answer } = await land(t, { redirectUrl });
      expect([answer.status, answer.headers['location'], answer.cookies.length]).toEqual([303, location, 1]);
      expect(answer.text).toBe('');
    });

    it('never leads elsewhere, in whatever way it is said', async () => {
      const accessToken = await member.accessToken();
      // A lone surrogate cannot stand in an address.
      const targets = refusedTargets.filter((target) => target.isWellFormed());
      expect(targets.length).toBeGreaterThan(80);
      for (const redirectUrl of targets) {
        const { answer } = await land(await member.oneTimeToken(accessToken), { redirectUrl });
        expect([redirectUrl, answer.status, answer.headers['location'], answer.cookies.length]).toEqual([
          redirectUrl,
          303,
          '/home',
          1,
        ]);
      }
    }, 30_000);

    it('keeps within the client’s callbackPaths, and takes what is listed exactly', async () => {
      const app = 'https://app.example.com/in';
      const narrow = await Partner.register(admin, { callbackPaths: ['/shop'], redirectUrls: [app] });
      const user = await Member.register(admin, narrow.clientId);
      expect((await land(await user.oneTimeToken(), { redirectUrl: '/shop/x' })).answer.headers['location']).toBe(
        '/shop/x',
      );
      expect((await land(await user.oneTimeToken(), { redirectUrl: '/other' })).answer.headers['location']).toBe(
        '/home',
      );
      const there = await land(await user.oneTimeToken(), { redirectUrl: app });
      expect(there.answer.headers['location']).toMatch(/^https:\/\/app\.example\.com\/in\?code=segue_code_/);
      const trail = await admin.audit({ clientId: narrow.clientId, type: 'request.denied' });
      expect(trail).toEqual([expect.objectContaining({ reason: 'redirect.refused' })]);
    });

    it('on another origin carries a code for a session there', async () => {
      const portal = 'https://portal.example.com';
      const afar = await Partner.register(admin, { landingUrl: `${portal}/start` });
      const user = await Member.register(admin, afar.clientId);
      const t = await user.oneTimeToken();
      const { answer, browser } = await land(t, { redirectUrl: '/files?x=1' });
      const location = new URL(answer.headers['location']!);
      expect([location.origin, location.pathname, location.searchParams.get('x')]).toEqual([portal, '/files', '1']);
      expect(location.href).not.toContain(t);
      const claimed = await request(`${stack.url}/v1/session/claim`, {
        method: 'POST',
        body: { code: location.searchParams.get('code') },
        headers: { origin: portal },
      });
      expect(claimed.json().user.userId).toBe(user.userId);
      expect(await whoIs(browser)).toBe(user.userId);
    });

    it('never says where by Host or Forwarded', async () => {
      const t = await member.oneTimeToken();
      const answer = await request(`${stack.url}${at(t, { redirectUrl: '/x' })}`, {
        headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
      });
      expect([answer.status, answer.headers['location']]).toEqual([303, '/x']);
    });
  });

  it('is refused where a parameter comes twice, which spends nothing', async () => {
    const t = await member.oneTimeToken();
    for (const more of ['&t=x', '&redirectUrl=/a&redirectUrl=/b', '&redirectUrl[]=/a', '&redirectUrl[0]=/a'])
      expect((await request(`${stack.url}${at(t)}${more}`)).status).toBe(400);
    expect((await land(t)).answer.headers['location']).toBe('/home');
  });

  it('does nothing for scanners, prefetches and images', async () => {
    const t = await member.oneTimeToken();
    for (const [method, headers] of [
      ['HEAD', {}],
      ['GET', { 'sec-purpose': 'prefetch' }],
      ['GET', { 'sec-purpose': 'prefetch;prerender' }],
      ['GET', { purpose: 'prefetch' }],
      ['GET', { 'sec-fetch-dest': 'image' }],
      ['GET', { 'sec-fetch-dest': 'iframe' }],
    ] as const)
      for (const door of doors) {
        const answer = await request(`${stack.url}${at(t, {}, door)}`, {
          method,
          headers: headers as Record<string, string>,
        });
        expect([answer.status, answer.cookies]).toEqual([method === 'HEAD' ? 200 : 204, []]);
      }
    expect((await land(t)).answer.headers['location']).toBe('/home');
  });

  describe('without a token', () => {
    it.each([...doors, '/login?t=', '/login?redirectUrl=https://evil.example', '/user/login?server=true'])(
      '%s is a plain page',
      async (path) => {
        const answer = await new Browser(stack.url).open(path);
        expect([answer.status, answer.headers['content-type'], answer.cookies]).toEqual([
          200,
          'text/html; charset=utf-8',
          [],
        ]);
        expect(answer.text).toContain('<h1>Sign in</h1>');
        expect(answer.text).not.toContain('evil');
      },
    );

    it('says what went wrong before', async () => {
      const answer = await new Browser(stack.url).open('/login?error=invalid_token&support=abcdefghij');
      expect(answer.text).toContain('You could not be signed in');
      expect(answer.text).toContain('<code>abcdefghij</code>');
    });
  });

  describe('under landingMode confirm', () => {
    let careful: Member;
    beforeAll(async () => {
      const confirming = await Partner.register(admin, { landingMode: 'confirm' });
      careful = await Member.register(admin, confirming.clientId);
    });

    it('shows a button, and spends nothing until it is pressed', async () => {
      const t = await careful.oneTimeToken();
      const browser = new Browser(stack.url);
      for (let times = 0; times < 3; times++) {
        const page = await browser.open(at(t, { redirectUrl: '/deep?a=1' }, '/user/login'));
        expect([page.status, page.cookies]).toEqual([200, []]);
        expect(page.text).not.toContain('<script');
        expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
      }
      const landed = await browser.press(await browser.open(at(t, { redirectUrl: '/deep?a=1' })));
      expect([landed.status, landed.headers['location']]).toEqual([303, '/deep?a=1']);
      expect(await whoIs(browser)).toBe(careful.userId);
    });

    it('takes no button of another site', async () => {
      const t = await careful.oneTimeToken();
      const browser = new Browser(stack.url);
      for (const site of ['cross-site', 'same-site', 'none'] as const)
        expect((await browser.submit('/login', { t }, site as 'cross-site')).status).toBe(403);
      expect(
        (
          await request(`${stack.url}/login`, {
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
            body: `t=${t}`,
          })
        ).status,
      ).toBe(403);
      expect((await browser.press(await browser.open(at(t)))).headers['location']).toBe('/home');
    });
  });

  describe('while another user is signed in', () => {
    const signedIn = async (userId: string) => {
      const browser = new Browser(stack.url);
      await browser.open(partner.link({ userId, username: 'Ada' }));
      return { browser, userId: await whoIs(browser) };
    };

    it('says so, spends nothing, and leaves the choice', async () => {
      const { browser, userId } = await signedIn('ada');
      const t = await member.oneTimeToken();
      const page = await browser.open(at(t, { redirectUrl: '/b' }));
      expect([page.status, page.cookies]).toEqual([200, []]);
      expect(page.text).toContain('You are signed in as <bdi>Ada</bdi>');
      expect(page.text).toContain('for a different account');
      expect(page.text).toContain('href="/b"');
      expect(fieldsOf(page)).toEqual({ t, redirectUrl: '/b', confirmed: 'switch' });
      expect(await whoIs(browser)).toBe(userId);

      const landed = await browser.press(page);
      expect([landed.status, landed.headers['location']]).toEqual([303, '/b']);
      expect(await whoIs(browser)).toBe(member.userId);
    });

    it('does not ask where the token is theirs, or the one here is nobody yet', async () => {
      const { browser } = await land(await member.oneTimeToken());
      expect((await land(await member.oneTimeToken(), {}, browser)).answer.status).toBe(303);

      const visitor = new Browser(stack.url);
      await visitor.open('/v1/anonymous', {
        method: 'POST',
        body: { clientId: partner.clientId },
        headers: { 'sec-fetch-site': 'same-origin' },
      });
      expect((await land(await member.oneTimeToken(), {}, visitor)).answer.status).toBe(303);
      expect(await whoIs(visitor)).toBe(member.userId);
    });

    it('does not ask under switchUser replace', async () => {
      const replacing = await Partner.register(admin, { switchUser: 'replace' });
      const user = await Member.register(admin, replacing.clientId);
      const browser = new Browser(stack.url);
      await browser.open(replacing.link({ userId: 'before' }));
      expect((await land(await user.oneTimeToken(), {}, browser)).answer.status).toBe(303);
      expect(await whoIs(browser)).toBe(user.userId);
    });

    it('says at once that a spent token is refused', async () => {
      const { browser } = await signedIn('bea');
      const t = await member.oneTimeToken();
      await land(t);
      isRefused((await land(t, {}, browser)).answer);
    });
  });

  it('is limited as links are', async () => {
    const answer = await request(`${stack.url}${at('x')}`);
    expect(answer.headers['ratelimit-policy']).toBe('"link";q=600;w=60');
  });
});
