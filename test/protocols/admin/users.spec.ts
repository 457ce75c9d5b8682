import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
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

  it.each(['PATCH', 'POST suspend', 'POST restore', 'DELETE'])(
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
