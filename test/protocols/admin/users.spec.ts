import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Secret, TOTP } from 'otpauth';
import { identity } from '#contracts/identity';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { busOf } from '../../support/bus.js';
import { rowsOf } from '../../support/database.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('a user', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());

  const users = () => `clients/${partner.clientId}/users`;
  const make = async (more: object = {}) =>
    (await admin.post(users(), { externalId: `u-${crypto.randomUUID()}`, ...more })) as Record<string, string>;
  const problem = async (method: string, path: string, body?: object) => {
    const answer = await admin.send(method, path, body === undefined ? {} : { body });
    return [answer.status, answer.json().code];
  };
  const signIn = async (userId: string) => {
    const browser = new Browser(stack.url);
    const answer = await browser.open(partner.link({ userId }));
    return { browser, location: answer.headers['location']! };
  };
  const isIn = async ({ cookie }: Browser) =>
    (await request(`${stack.url}/v1/session`, { headers: { cookie } })).status === 200;

  describe('changes', () => {
    it('by a merge patch: what is named, and nothing else', async () => {
      const user = await make({ email: 'before@example.com', username: 'Before' });
      const path = `${users()}/${user['userId']}`;
      expect(await admin.patch(path, { username: 'After', locale: 'pt_BR' })).toEqual({
        ...user,
        username: 'After',
        locale: 'pt-BR',
      });
      const patched = await admin.send('PATCH', path, {
        body: JSON.stringify({ externalId: 'renamed' }),
        headers: { 'content-type': 'application/merge-patch+json' },
      });
      expect(patched.json()).toMatchObject({ externalId: 'renamed', username: 'After' });
      expect((await admin.get(`${users()}?externalId=renamed`)).items[0].userId).toBe(user['userId']);
    });

    it('back to a default by null', async () => {
      const user = await make({ email: 'nulled@example.com', username: 'Named', locale: 'de' });
      const path = `${users()}/${user['userId']}`;
      const cleared = await admin.patch(path, { email: null, username: null, locale: null });
      expect(cleared).toMatchObject({ emailIsPlaceholder: true, username: 'anonymous', locale: 'en' });
      expect(cleared.email).toMatch(/\.invalid$/);
      expect((await make({ email: 'nulled@example.com' }))['email']).toBe('nulled@example.com');
    });

    it('never to what another user is or has', async () => {
      await make({ externalId: 'taken', email: 'taken@example.com' });
      const path = `${users()}/${(await make())['userId']}`;
      expect(await problem('PATCH', path, { externalId: 'taken' })).toEqual([409, 'user_already_exists']);
      expect(await problem('PATCH', path, { email: 'Taken@Example.com' })).toEqual([409, 'user_email_already_exists']);
    });

    it.each([
      { externalId: '' },
      { externalId: null },
      { externalId: 'x'.repeat(129) },
      { email: 'nobody' },
      { email: 'x@placeholder.invalid' },
      { locale: '???' },
      { username: 'a\u0000b' },
      { status: 'suspended' },
      { userId: '0198c0de-0000-7000-8000-000000000000' },
      { password: 'seven77' },
      { password: 'x'.repeat(257) },
      { password: 12345678 },
      [],
    ])('not to %j', async (patch) => {
      expect(await problem('PATCH', `${users()}/${(await make())['userId']}`, patch)).toEqual([400, 'request_invalid']);
    });
  });

  it('is suspended: out of every session at once, and not in again until restored', async () => {
    const { browser } = await signIn('suspended');
    const { userId } = (await admin.get(`${users()}?externalId=suspended`)).items[0];
    const path = `${users()}/${userId}`;
    for (let times = 0; times < 2; times++) {
      const answer = await admin.send('POST', `${path}/suspend`);
      expect([answer.status, answer.json().status]).toEqual([200, 'suspended']);
    }
    const until = Date.now() + 4_000;
    while ((await isIn(browser)) && Date.now() < until);
    expect(await isIn(browser)).toBe(false);

    const refused = await signIn('suspended');
    expect(refused.location).toMatch(/^\/login\?error=account_suspended&support=/);
    const [entry] = await admin.audit({ support: new URL(refused.location, stack.url).searchParams.get('support')! });
    expect(entry).toMatchObject({ type: 'link.refused', reason: 'suspended', userId });

    expect((await admin.send('POST', `${path}/restore`)).json().status).toBe('active');
    expect((await signIn('suspended')).location).toBe('/home');
    expect(await isIn(browser)).toBe(false);
    for (const type of ['user.suspended', 'user.restored'])
      expect(await admin.audit({ clientId: partner.clientId, userId, type })).toHaveLength(1);
  });

  it('is erased: nothing of the person remains, and old links do not bring them back', async () => {
    const iat = Math.floor(Date.now() / 1000) - 60;
    const person = { userId: 'erase-me', email: 'erase-me@example.com', username: 'Erase Me', locale: 'de-AT' };
    const old = partner.link({ ...person, iat: iat + 1, exp: iat + 900 });
    const browser = new Browser(stack.url);
    await browser.open(partner.link({ ...person, iat, exp: iat + 900 }));
    const { userId } = (await admin.get(`${users()}?externalId=erase-me`)).items[0];
    await admin.delete(`${users()}/${userId}`);
    expect(await problem('GET', `${users()}/${userId}`)).toEqual([404, 'user_missing']);
    expect((await admin.get(`${users()}?externalId=erase-me`)).items).toEqual([]);

    const until = Date.now() + 4_000;
    while ((await isIn(browser)) && Date.now() < until);
    expect(await isIn(browser)).toBe(false);
    const everything = await rowsOf(stack, [
      'identity.users',
      'identity.emails',
      'identity.erased',
      'identity.outbox',
      'session.sessions',
      'session.outbox',
      'token.outbox',
      'audit.entries',
    ]);
    expect(JSON.stringify(everything)).not.toMatch(/erase-me|Erase Me|de-AT/);

    const refused = await new Browser(stack.url).open(old);
    const support = new URL(refused.headers['location']!, stack.url).searchParams.get('support')!;
    expect((await admin.audit({ support }))[0]).toMatchObject({ reason: 'erased' });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect((await signIn('erase-me')).location).toBe('/home');
    expect((await admin.get(`${users()}?externalId=erase-me`)).items[0].userId).not.toBe(userId);
    expect((await make({ email: 'erase-me@example.com' }))['email']).toBe('erase-me@example.com');
  }, 15_000);

  it('is found under the id of an anonymous account it absorbed', async () => {
    const begun = await request(`${stack.url}/v1/anonymous`, { method: 'POST', body: { clientId: partner.clientId } });
    const { anonymousAccountId, user: anonymous } = begun.json();
    const target = await make({ externalId: 'target' });
    await new Browser(stack.url).open(partner.link({ userId: 'target', anonymousAccountId }));
    expect((await admin.get(`${users()}/${anonymous.userId}`)).userId).toBe(target['userId']);
  });

  describe('with a password', () => {
    const password = 'correct horse battery';
    const support = () => crypto.randomUUID().replaceAll('-', '').slice(0, 10);
    let line: Awaited<ReturnType<typeof busOf>>;
    beforeAll(async () => {
      line = await busOf(stack);
    });
    afterAll(() => line?.close());

    const check = async (username: string, given: string, more: { totp?: string; support?: string } = {}) => {
      const { totp, support: named = support() } = more;
      const { clientId } = partner;
      const attempt = { support: named, address: 'spec' };
      const asked = { clientId, username, password: given, ...(totp !== undefined && { totp }), attempt };
      return line.bus.ask(identity.checkPassword, asked).then(
        ({ user }) => user.userId,
        (error: { code: string }) => error.code,
      );
    };

    it('is made with it, and never shown it', async () => {
      const user = await make({ email: 'made@example.com', password });
      expect(Object.keys(user)).not.toContain('password');
      expect(await check('Made@example.com', password)).toBe(user['userId']);
      for (const bad of ['seven77', '', null])
        expect(await problem('POST', users(), { password: bad })).toEqual([400, 'request_invalid']);
    });

    it('gets another, or none, and is out of every session at once', async () => {
      const { browser } = await signIn('changing');
      const [{ userId }] = (await admin.get(`${users()}?externalId=changing`)).items;
      const path = `${users()}/${userId}`;
      const isOut = async (who: Browser) => {
        const until = Date.now() + 4_000;
        while ((await isIn(who)) && Date.now() < until);
        expect(await isIn(who)).toBe(false);
      };
      const changed = await admin.patch(path, { email: 'changing@example.com', password });
      expect(changed).toMatchObject({ userId, email: 'changing@example.com' });
      await isOut(browser);
      expect(await check('changing@example.com', password)).toBe(userId);

      const again = (await signIn('changing')).browser;
      expect(await isIn(again)).toBe(true);
      await admin.patch(path, { password: null });
      await isOut(again);
      expect(await check('changing@example.com', password)).toBe('password.refused');
      await admin.patch(path, { password: null });
      expect(await admin.audit({ userId, type: 'user.password_changed' }, 2)).toHaveLength(2);
    });

    it('gets a second factor, which is shown once, and loses it', async () => {
      const { userId } = await make({ email: 'factor@example.com', password });
      const path = `${users()}/${userId}/totp`;
      const { secret, uri, ...more } = await admin.post(path);
      expect(more).toEqual({});
      expect(uri).toMatch(/^otpauth:\/\/totp\/Segue:factor%40example.com\?issuer=Segue&secret=[A-Z2-7]{32}&/);
      expect(await check('factor@example.com', password)).toBe('totp.required');
      const totp = new TOTP({ secret: Secret.fromBase32(secret) }).generate();
      expect(await check('factor@example.com', password, { totp })).toBe(userId);
      expect(await check('factor@example.com', password, { totp })).toBe('password.refused');

      for (let times = 0; times < 2; times++) expect((await admin.send('DELETE', path)).status).toBe(204);
      expect(await check('factor@example.com', password)).toBe(userId);
    });

    it('is unlocked, after more failures than are judged; the trail says why and what to do', async () => {
      const user = await make({ email: 'locked@example.com', password });
      const path = `${users()}/${user['userId']}/unlock`;
      for (let n = 0; n < 10; n++) expect(await check('locked@example.com', 'wrong password')).toBe('password.refused');
      const named = support();
      expect(await check('locked@example.com', password, { support: named })).toBe('password.refused');
      const [entry] = await admin.audit({ support: named });
      expect(entry).toMatchObject({ type: 'password.refused', reason: 'locked', userId: user['userId'] });
      expect(entry.advice).toContain('unlock');

      const answer = await admin.send('POST', path);
      expect([answer.status, answer.json()]).toEqual([200, user]);
      expect(await check('locked@example.com', password)).toBe(user['userId']);
      expect(await admin.audit({ type: 'user.unlocked', userId: String(user['userId']) })).toHaveLength(1);
    });

    it('or not is unlocked all the same, also without an externalId', async () => {
      const user = await admin.post(users(), {});
      const answer = await admin.send('POST', `${users()}/${user.userId}/unlock`);
      expect([answer.status, answer.json()]).toEqual([200, user]);
    });
  });

  it.each(['PATCH', 'POST suspend', 'POST restore', 'POST unlock', 'POST totp', 'DELETE totp', 'DELETE'])(
    'that is nobody cannot be changed by %s',
    async (what) => {
      const [method = '', verb] = what.split(' ');
      const path = `${users()}/0198c0de-0000-7000-8000-000000000000${verb ? `/${verb}` : ''}`;
      expect(await problem(method, path, method === 'PATCH' ? { username: 'x' } : undefined)).toEqual([
        404,
        'user_missing',
      ]);
    },
  );
});
