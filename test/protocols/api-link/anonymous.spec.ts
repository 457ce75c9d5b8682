import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('somebody anonymous', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'anonymous=1000/1m' } });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());

  const begin = (clientId = partner.clientId, headers: Record<string, string> = {}) =>
    request(`${stack.url}/v1/anonymous`, { method: 'POST', body: { clientId }, headers });
  /** A browser with an anonymous account of its own. */
  const newcomer = async (at = partner) => {
    const browser = new Browser(stack.url);
    const answer = await browser.open('/v1/anonymous', {
      method: 'POST',
      headers: { accept: '*/*', 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'empty' },
      body: { clientId: at.clientId },
    });
    return { browser, ...(answer.json() as { anonymousAccountId: string; user: { userId: string } }) };
  };
  const whoIs = async (visitor: Browser) =>
    (await visitor.open('/v1/session', { headers: { accept: '*/*' } })).json().user;
  const readUser = (userId: string, of = partner) => admin.get(`clients/${of.clientId}/users/${userId}`);
  const isIn = async ({ cookie }: { cookie: string }) =>
    (await request(`${stack.url}/v1/session`, { headers: { cookie } })).status === 200;

  it('gets an account, its secret name, and a session of 30 days', async () => {
    const answer = await begin();
    expect([answer.status, answer.headers['cache-control']]).toEqual([201, 'no-store']);
    const { anonymousAccountId, user, session, ...rest } = answer.json();
    expect(rest).toEqual({});
    expect(anonymousAccountId).toMatch(/^[0-9A-Za-z]{32}$/);
    expect(user).toMatchObject({ externalId: null, username: 'anonymous', emailIsPlaceholder: true, status: 'active' });
    expect(session).toMatchObject({ protocol: 'anonymous', subject: user.userId, clientId: partner.clientId });
    expect(Date.parse(session.expiresAt) - Date.parse(session.createdAt)).toBeCloseTo(30 * 86_400_000, -4);
    expect(answer.cookies[0]).toMatch(/^segue=segue_ss_.*HttpOnly; SameSite=Lax$/);
    const cookie = answer.cookies[0]!.split(';')[0]!;
    expect((await request(`${stack.url}/v1/session`, { headers: { cookie } })).json().user.userId).toBe(user.userId);
  });

  it.each([{}, { clientId: 'UPPER' }, { clientId: 7 }, { clientId: 'nobody00', more: 1 }])(
    'is not made of %j',
    async (body) => {
      const answer = await request(`${stack.url}/v1/anonymous`, { method: 'POST', body });
      expect([answer.status, answer.json().code]).toEqual([400, 'request_invalid']);
    },
  );

  it('is not welcome where the client is unknown, suspended, or does without', async () => {
    expect([(await begin('nobody00')).status, (await begin('nobody00')).json().code]).toEqual([404, 'client_missing']);
    const closed = await Partner.register(admin, { features: { anonymous: false } });
    expect((await begin(closed.clientId)).json()).toMatchObject({ status: 403, code: 'feature_off' });
    const suspended = await Partner.register(admin);
    await admin.patch(`clients/${suspended.clientId}`, { status: 'suspended' });
    expect((await begin(suspended.clientId)).json()).toMatchObject({ status: 401, code: 'account_suspended' });
  });

  it('comes from any page, or only from those the client lists', async () => {
    const origin = 'https://shop.example.com';
    expect((await begin(partner.clientId, { origin: 'https://anywhere.example.com' })).status).toBe(201);
    const choosy = await Partner.register(admin, { origins: [origin] });
    const welcome = await begin(choosy.clientId, { origin });
    expect([welcome.status, welcome.headers['access-control-allow-origin']]).toEqual([201, origin]);
    expect(welcome.headers['access-control-allow-credentials']).toBe('true');
    expect((await begin(choosy.clientId)).status).toBe(201);
    for (const foreign of ['https://evil.example', 'null', 'http://shop.example.com'])
      expect((await begin(choosy.clientId, { origin: foreign })).json()).toMatchObject({
        status: 403,
        code: 'origin_refused',
      });
  });

  describe('named by a link', () => {
    const merge = (browser: Browser, userId: string, anonymousAccountId: string, more: object = {}, by = partner) =>
      browser.open(by.link({ userId, anonymousAccountId, ...more }));
    /** What the audit trail says of the end of an anonymous account, as soon as it says something. */
    const mergesOf = async (from: string) => {
      const until = Date.now() + 4_000;
      for (;;) {
        const entries = await admin.audit({ clientId: partner.clientId, type: 'user.merged', limit: '200' });
        const merges = entries.filter(({ body }) => body.from === from).map(({ body }) => body);
        if (merges.length > 0 || Date.now() > until) return merges;
      }
    };

    it('becomes the new user: the same account, with a new session', async () => {
      const { browser, user, anonymousAccountId } = await newcomer();
      const before = { cookie: browser.cookie };
      const landed = await merge(browser, 'became', anonymousAccountId, { username: 'Known' });
      expect([landed.status, landed.headers['location']]).toEqual([303, '/home']);
      expect(await whoIs(browser)).toMatchObject({ userId: user.userId, externalId: 'became', username: 'Known' });
      expect(await isIn(before)).toBe(false);
      expect(await mergesOf(user.userId)).toEqual([
        { from: user.userId, into: user.userId, epoch: expect.any(Number) },
      ]);
    });

    it('is absorbed by a user there is: its id is an alias for ever', async () => {
      const known = new Browser(stack.url);
      const iat = Math.floor(Date.now() / 1000) - 60;
      await known.open(partner.link({ userId: 'absorbs', username: 'Keeper', iat, exp: iat + 600 }));
      const { userId } = await whoIs(known);
      const { browser, user, anonymousAccountId } = await newcomer();
      const before = { cookie: browser.cookie };
      await merge(browser, 'absorbs', anonymousAccountId);
      expect(await whoIs(browser)).toMatchObject({ userId, username: 'Keeper' });
      expect(await isIn(before)).toBe(false);
      expect(await isIn({ cookie: known.cookie })).toBe(true);
      expect(await readUser(user.userId)).toMatchObject({ userId, externalId: 'absorbs' });
      expect(await mergesOf(user.userId)).toEqual([{ from: user.userId, into: userId, epoch: expect.any(Number) }]);
    });

    it('may be named again by the same user, and by no other', async () => {
      const { browser, user, anonymousAccountId } = await newcomer();
      await merge(browser, 'owner', anonymousAccountId);
      await merge(browser, 'owner', anonymousAccountId);
      expect((await whoIs(browser)).userId).toBe(user.userId);
      const other = new Browser(stack.url);
      const landed = await merge(other, 'thief', anonymousAccountId);
      expect(landed.headers['location']).toBe('/home');
      expect((await whoIs(other)).externalId).toBe('thief');
      expect((await whoIs(other)).userId).not.toBe(user.userId);
      expect(await mergesOf(user.userId)).toHaveLength(1);
    });

    it.each(['', 'x', 'A'.repeat(32), 'x'.repeat(128)])(
      'as "%s" signs in all the same, and says why in the audit trail',
      async (handle) => {
        const browser = new Browser(stack.url);
        const externalId = `unmerged-${crypto.randomUUID()}`;
        expect((await merge(browser, externalId, handle)).status).toBe(303);
        const user = await whoIs(browser);
        expect(user?.externalId).toBe(externalId);
        const [refusal] = await admin.audit({
          clientId: partner.clientId,
          type: 'user.merge_refused',
          userId: user.userId,
        });
        expect(refusal).toMatchObject({ reason: 'unknown', support: expect.stringMatching(/^[0-9a-z]{10}$/) });
        expect(await admin.audit({ support: refusal.support })).toContainEqual(refusal);
        expect(JSON.stringify(refusal)).not.toMatch(/A{32}|x{128}/);
      },
    );

    it('of another client is nobody, and stays untouched', async () => {
      const other = await Partner.register(admin);
      const { browser: theirs, user, anonymousAccountId } = await newcomer(other);
      const browser = new Browser(stack.url);
      expect((await merge(browser, 'crossing', anonymousAccountId)).headers['location']).toBe('/home');
      expect((await whoIs(browser)).userId).not.toBe(user.userId);
      expect(await isIn({ cookie: theirs.cookie })).toBe(true);
      expect(await readUser(user.userId, other)).toMatchObject({ externalId: null });
      await theirs.open(other.link({ userId: 'theirs', anonymousAccountId }));
      expect((await whoIs(theirs)).userId).toBe(user.userId);
    });

    it('does not merge a user that is not anonymous, nor by a userId', async () => {
      const { user } = await newcomer();
      const browser = new Browser(stack.url);
      await merge(browser, 'guesser', user.userId);
      expect((await whoIs(browser)).userId).not.toBe(user.userId);
    });
  });
});
