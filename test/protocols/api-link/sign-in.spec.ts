import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('a link', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  const browser = () => new Browser(stack.url);
  const whoIs = async (visitor: Browser) =>
    (await visitor.open('/v1/session', { headers: { accept: '*/*' } })).json().user;

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());

  it('signs a browser in and lands it', async () => {
    const visitor = browser();
    const answer = await visitor.open(
      partner.link({ userId: 'u-1', email: 'u1@example.com', username: 'Ursula', locale: 'en_US' }),
    );
    expect(answer.status).toBe(303);
    expect(answer.headers['location']).toBe('/home');
    expect(await whoIs(visitor)).toMatchObject({
      externalId: 'u-1',
      email: 'u1@example.com',
      emailIsPlaceholder: false,
      username: 'Ursula',
      locale: 'en-US',
      status: 'active',
    });
  });

  it('gives one cookie that no script reads and no other site sends', async () => {
    const { cookies } = await browser().open(partner.link());
    expect(cookies).toHaveLength(1);
    const [pair = '', ...attributes] = cookies[0]!.split('; ');
    expect(pair).toMatch(/^segue=segue_ss_[a-z0-9]{8,36}_\w+$/);
    expect(attributes).toEqual(expect.arrayContaining(['HttpOnly', 'Path=/', 'SameSite=Lax']));
    const maxAge = Number(/^Max-Age=(\d+)$/.exec(attributes.find((each) => each.startsWith('Max-Age')) ?? '')?.[1]);
    expect(maxAge).toBeGreaterThan(15 * 86_400 - 10);
    expect(maxAge).toBeLessThanOrEqual(15 * 86_400);
  });

  it('needs a userId only', async () => {
    const visitor = browser();
    await visitor.open(partner.link({ userId: 'bare' }));
    const user = await whoIs(visitor);
    expect(user).toMatchObject({ externalId: 'bare', username: 'anonymous', locale: 'en', emailIsPlaceholder: true });
    expect(user.email).toMatch(/\.invalid$/);
  });

  it('updates what it says and leaves what it does not say', async () => {
    const iat = Math.floor(Date.now() / 1000);
    const [first, second] = [browser(), browser()];
    await first.open(
      partner.link({ userId: 'kept', username: 'Old', email: 'kept@example.com', iat: iat - 20, exp: iat + 60 }),
    );
    await second.open(partner.link({ userId: 'kept', locale: 'fr', iat: iat - 10, exp: iat + 60 }));
    expect(await whoIs(second)).toMatchObject({ username: 'Old', email: 'kept@example.com', locale: 'fr' });
    // Of a second that may be over: an hour from now would be longer than a link may live from then.
    await browser().open(partner.link({ userId: 'kept', username: 'New', iat, exp: iat + 60 }));
    expect(await whoIs(first)).toMatchObject({ username: 'New', email: 'kept@example.com', locale: 'fr' });
    expect((await whoIs(first)).userId).toBe((await whoIs(second)).userId);
  });

  it('ignores claims that are not its own', async () => {
    const visitor = browser();
    await visitor.open(
      partner.link({ userId: 'mass', role: 'admin', status: 'suspended', clientId: 'other000', isAdmin: true }),
    );
    const user = await whoIs(visitor);
    expect(user).toMatchObject({ externalId: 'mass', status: 'active' });
    expect(user).not.toHaveProperty('role');
  });

  it('may say how long it lives by iat alone', async () => {
    const answer = await browser().open(partner.link({ userId: 'iat-only', exp: undefined }));
    expect(answer.headers['location']).toBe('/home');
  });

  it('works for a client that is no browser', async () => {
    const answer = await request(partner.link());
    expect([answer.status, answer.headers['location']]).toEqual([303, '/home']);
    expect(answer.cookies).toHaveLength(1);
  });

  it('never shows its token again', async () => {
    const link = partner.link({}, { callbackPath: '/x' });
    const answer = await browser().open(link);
    const token = new URL(link).searchParams.get('userToken')!;
    expect(JSON.stringify([answer.headers, answer.cookies, answer.text])).not.toContain(token.split('.')[2]);
  });

  it('keeps clients apart: the same userId is another person', async () => {
    const other = await Partner.register(admin);
    const [here, there] = [browser(), browser()];
    await here.open(partner.link({ userId: 'same' }));
    await there.open(other.link({ userId: 'same' }));
    expect((await whoIs(here)).userId).not.toBe((await whoIs(there)).userId);
  });

  it('stands in the audit trail', async () => {
    const visitor = browser();
    await visitor.open(partner.link({ userId: 'audited' }));
    const { userId } = await whoIs(visitor);
    const entries = await admin.audit({ clientId: partner.clientId, userId }, 3);
    expect(entries.map(({ type }) => type).sort()).toEqual(['link.accepted', 'session.opened', 'user.created']);
    expect(JSON.stringify(entries)).not.toContain('audited');
  });

  describe('with a callbackPath', () => {
    const landed = async (to: Partner, callbackPath: string) => {
      const userId = `callback-${crypto.randomUUID()}`;
      const visitor = browser();
      const answer = await visitor.open(to.link({ userId }, { callbackPath }));
      expect(answer.status).toBe(303);
      const user = await whoIs(visitor);
      expect(user.externalId).toBe(userId);
      const [entry] = await admin.audit({ clientId: to.clientId, userId: user.userId, type: 'link.accepted' });
      return { location: answer.headers['location'], callback: entry.body.callback };
    };

    it.each(['/deep/page?tab=2#top', '/'])('lands on %s', async (path) => {
      expect(await landed(partner, path)).toEqual({ location: path, callback: 'taken' });
    });

    it.each([
      '//evil.example',
      '/\\evil.example',
      'https://evil.example',
      '/..//evil.example',
      '/%2f%2fevil.example',
      '/x\r\nA: b',
      '',
    ])('that is %j still signs in, lands on landingUrl, and says why in the audit trail', async (path) => {
      expect(await landed(partner, path)).toEqual({ location: '/home', callback: 'refused' });
    });

    it('keeps to the client’s prefixes', async () => {
      const limited = await Partner.register(admin, { callbackPaths: ['/app'] });
      expect(await landed(limited, '/app/x')).toEqual({ location: '/app/x', callback: 'taken' });
      expect(await landed(limited, '/admin')).toEqual({ location: '/home', callback: 'refused' });
    });
  });

  describe('opened again', () => {
    it('by the same browser lands where it landed, and opens nothing', async () => {
      const visitor = browser();
      const link = partner.link({ userId: 'reload' }, { callbackPath: '/again' });
      await visitor.open(link);
      const before = visitor.cookie;
      for (let times = 0; times < 3; times++) {
        const answer = await visitor.open(link);
        expect([answer.status, answer.headers['location'], answer.cookies]).toEqual([303, '/again', []]);
      }
      expect(visitor.cookie).toBe(before);
      const { userId } = await whoIs(visitor);
      expect((await admin.get(`clients/${partner.clientId}/users/${userId}/sessions`)).items).toHaveLength(1);
    });

    it('by another browser is refused, also by one that is signed in by another link', async () => {
      const link = partner.link({ userId: 'copied' });
      await browser().open(link);
      const other = browser();
      expect((await other.open(link)).headers['location']).toMatch(/^\/login\?error=invalid_token&support=/);
      await other.open(partner.link({ userId: 'copied' }));
      const refused = await other.open(link);
      expect(refused.headers['location']).toMatch(/^\/login\?error=invalid_token/);
      const support = new URL(refused.headers['location']!, stack.url).searchParams.get('support')!;
      expect((await admin.audit({ support }))[0]).toMatchObject({ type: 'link.refused', reason: 'replayed' });
      expect((await whoIs(other)).externalId).toBe('copied');
    });

    it('changes nothing of the user', async () => {
      const iat = Math.floor(Date.now() / 1000) - 30;
      const old = partner.link({ userId: 'stale', username: 'Old', iat, exp: iat + 90 });
      await browser().open(old);
      const visitor = browser();
      await visitor.open(partner.link({ userId: 'stale', username: 'New', iat: iat + 10, exp: iat + 90 }));
      await browser().open(old);
      expect((await whoIs(visitor)).username).toBe('New');
    });

    it('in another spelling of the same token is the same link', async () => {
      const link = new URL(partner.link({ userId: 'spelled' }));
      await browser().open(link.href);
      const respelled = link.href.replace(/userToken=e/, 'userToken=%65');
      expect((await browser().open(respelled)).headers['location']).toMatch(/error=invalid_token/);
    });

    it('opens again under until-expiry', async () => {
      const lenient = await Partner.register(admin, { linkReplay: 'until-expiry' });
      const link = lenient.link({ userId: 'many' });
      for (const visitor of [browser(), browser()]) {
        expect((await visitor.open(link)).headers['location']).toBe('/home');
        expect((await whoIs(visitor)).externalId).toBe('many');
      }
    });

    it('by fifty browsers at once opens one session', async () => {
      const link = partner.link({ userId: 'raced' });
      const answers = await Promise.all(Array.from({ length: 50 }, () => browser().open(link)));
      expect(answers.filter(({ headers }) => headers['location'] === '/home')).toHaveLength(1);
      expect(
        answers.filter(({ headers }) => headers['location']?.startsWith('/login?error=invalid_token')),
      ).toHaveLength(49);
    });
  });
});
