import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { Browser, fieldsOf } from '../../support/browser.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('a link that asks first', () => {
  let stack: Stack;
  let admin: Admin;

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
  }, startMs);
  afterAll(() => stack?.stop());

  const whoIs = async (visitor: Browser) =>
    (await visitor.open('/v1/session', { headers: { accept: '*/*' } })).json().user?.externalId;
  const usersOf = async (of: Partner) => (await admin.get(`clients/${of.clientId}/users`)).items;

  describe('under landingMode confirm', () => {
    let partner: Partner;
    beforeAll(async () => {
      partner = await Partner.register(admin, { landingMode: 'confirm' });
    });

    it('shows a button, and does nothing until it is pressed', async () => {
      const browser = new Browser(stack.url);
      const link = partner.link({ userId: 'careful' }, { callbackPath: '/deep?a=1&b=2' });
      for (let times = 0; times < 3; times++) {
        const page = await browser.open(link);
        expect([page.status, page.cookies, page.headers['content-type']]).toEqual([
          200,
          [],
          'text/html; charset=utf-8',
        ]);
        expect(page.text).not.toContain('<script');
      }
      expect(await usersOf(partner)).toEqual([]);

      const landed = await browser.press(await browser.open(link));
      expect([landed.status, landed.headers['location']]).toEqual([303, '/deep?a=1&b=2']);
      expect(await whoIs(browser)).toBe('careful');
    });

    it('does nothing for a scanner that fetches it', async () => {
      const link = partner.link({ userId: 'scanned' });
      for (const method of ['HEAD', 'GET']) await request(link, { method, headers: { 'user-agent': 'scanner' } });
      expect((await usersOf(partner)).map(({ externalId }: { externalId: string }) => externalId)).not.toContain(
        'scanned',
      );
      const browser = new Browser(stack.url);
      await browser.press(await browser.open(link));
      expect(await whoIs(browser)).toBe('scanned');
    });

    it('asks after a form of another site, too', async () => {
      const browser = new Browser(stack.url);
      const fields = { clientId: partner.clientId, userToken: partner.token({ userId: 'posted' }) };
      const parked = await browser.submit('/api/link', fields, 'cross-site');
      const page = await browser.open(parked.headers['location']!);
      expect([page.status, Object.keys(fieldsOf(page)).sort()]).toEqual([200, ['clientId', 'h']]);
      expect(page.text).not.toContain(fields.userToken);
      expect((await browser.press(page)).headers['location']).toBe('/home');
      expect(await whoIs(browser)).toBe('posted');
    });

    it('says at once that it is refused', async () => {
      const browser = new Browser(stack.url);
      const answer = await browser.open(partner.linkWith(partner.token({}, { secret: 'x'.repeat(43) })));
      expect(answer.headers['location']).toMatch(/^\/login\?error=invalid_token/);
    });
  });

  describe('while another user is signed in', () => {
    let partner: Partner;
    beforeAll(async () => {
      partner = await Partner.register(admin);
    });
    const signedIn = async (claims: object, to = partner) => {
      const browser = new Browser(stack.url);
      await browser.open(to.link({ ...claims }));
      return browser;
    };

    it('says so, changes nothing, and leaves the choice', async () => {
      const browser = await signedIn({ userId: 'ada', username: 'Ada <3' });
      const link = partner.link({ userId: 'bea', username: 'Bea & Co' }, { callbackPath: '/b' });
      const page = await browser.open(link);
      expect([page.status, page.cookies]).toEqual([200, []]);
      expect(page.text).toMatch(/Another account is signed in/);
      expect(page.text).toContain('<bdi>Ada &lt;3</bdi>');
      expect(page.text).toContain('Continue as <bdi>Bea &amp; Co</bdi>');
      expect(page.text).toContain('href="/b"');
      expect(await whoIs(browser)).toBe('ada');

      const before = browser.cookie;
      const landed = await browser.press(page);
      expect([landed.status, landed.headers['location']]).toEqual([303, '/b']);
      expect(await whoIs(browser)).toBe('bea');
      expect((await request(`${stack.url}/v1/session`, { headers: { cookie: before } })).status).toBe(401);
    });

    it('is not spent by the question', async () => {
      const browser = await signedIn({ userId: 'first' });
      const link = partner.link({ userId: 'second' });
      await browser.open(link);
      const other = new Browser(stack.url);
      expect((await other.open(link)).headers['location']).toBe('/home');
      expect((await browser.press(await browser.open(partner.link({ userId: 'second' })))).status).toBe(303);
    });

    it('does not ask the same user again', async () => {
      const browser = await signedIn({ userId: 'same' });
      expect((await browser.open(partner.link({ userId: 'same' }))).headers['location']).toBe('/home');
    });

    it('does not ask under switchUser replace', async () => {
      const swift = await Partner.register(admin, { switchUser: 'replace' });
      const browser = await signedIn({ userId: 'one' }, swift);
      const before = browser.cookie;
      expect((await browser.open(swift.link({ userId: 'two' }))).headers['location']).toBe('/home');
      expect(await whoIs(browser)).toBe('two');
      expect((await request(`${stack.url}/v1/session`, { headers: { cookie: before } })).status).toBe(401);
    });

    it('asks once more where both questions are due', async () => {
      const careful = await Partner.register(admin, { landingMode: 'confirm' });
      const browser = new Browser(stack.url);
      await browser.press(await browser.open(careful.link({ userId: 'one' })));
      const second = await browser.press(await browser.open(careful.link({ userId: 'two' })));
      expect([second.status, await whoIs(browser)]).toEqual([200, 'one']);
      await browser.press(second);
      expect(await whoIs(browser)).toBe('two');
    });
  });

  it('allows its form what its form leads to, and nothing else', async () => {
    const afar = await Partner.register(admin, {
      landingMode: 'confirm',
      landingUrl: 'https://portal.example.com/start',
      loginUrl: 'https://login.example.com/',
    });
    const page = await new Browser(stack.url).open(afar.link());
    const policy = page.headers['content-security-policy'];
    expect(policy).toMatch(/default-src 'none'/);
    expect(policy).toContain("form-action 'self' https://portal.example.com https://login.example.com;");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(page.headers['x-frame-options']).toBe('DENY');
  });

  describe('inside a frame', () => {
    const framed = { 'sec-fetch-dest': 'iframe' };
    const embedOrigins = ['https://portal.example.com', 'https://other.example.com'];

    it('signs in where the client names who may embed it', async () => {
      const embedded = await Partner.register(admin, { embedOrigins, landingUrl: '/demo' });
      const browser = new Browser(stack.url);
      const answer = await browser.open(embedded.link({ userId: 'framed' }), { headers: framed });
      expect([answer.status, answer.headers['location']]).toEqual([303, '/demo']);
      expect(answer.cookies[0]!.split('; ')).toEqual(
        expect.arrayContaining(['HttpOnly', 'Secure', 'SameSite=None', 'Partitioned', 'Path=/']),
      );
      const page = await browser.open('/demo', { headers: framed });
      expect(page.text).toContain('framed');
      expect(page.headers['content-security-policy']).toContain(`frame-ancestors ${embedOrigins.join(' ')};`);
      expect(page.headers).not.toHaveProperty('x-frame-options');
      const out = await browser.open('/v1/session', { method: 'DELETE', headers: { 'sec-fetch-site': 'same-origin' } });
      expect(out.cookies[0]).toMatch(/^segue=; Max-Age=0; .*Partitioned/);
    });

    it('asks there, too', async () => {
      const careful = await Partner.register(admin, { embedOrigins, landingMode: 'confirm' });
      const browser = new Browser(stack.url);
      const page = await browser.open(careful.link(), { headers: framed });
      expect(page.headers['content-security-policy']).toContain(`frame-ancestors ${embedOrigins.join(' ')};`);
      expect(page.headers).not.toHaveProperty('x-frame-options');
      expect((await browser.press(page)).status).toBe(303);
    });

    it('does nothing where nobody may', async () => {
      const lone = await Partner.register(admin);
      const link = lone.link({ userId: 'hidden' });
      const answer = await new Browser(stack.url).open(link, { headers: framed });
      expect([answer.status, answer.cookies, answer.text]).toEqual([204, [], '']);
      expect(await usersOf(lone)).toEqual([]);
      expect((await new Browser(stack.url).open(link)).headers['location']).toBe('/home');
    });
  });
});
