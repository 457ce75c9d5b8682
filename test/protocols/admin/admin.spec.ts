import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('the admin', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  const of = (clientId: string, rest = '') => `clients/${clientId}${rest}`;

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());

  const problem = async (method: string, path: string, body?: object | string, headers = {}) => {
    const answer = await admin.send(method, path, { headers, ...(body !== undefined && { body }) });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    const { type, title, status, code, detail, traceId } = answer.json();
    expect([status, type, typeof title]).toEqual([answer.status, `urn:segue:fault:${code}`, 'string']);
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    return { status, code, detail };
  };

  describe('of clients', () => {
    it('makes one, and shows its secret once', async () => {
      const answer = await admin.send('POST', 'clients', { body: { name: 'Acme', settings: { landingUrl: '/in' } } });
      expect(answer.status).toBe(201);
      const { clientId, name, status, settings, linkSecret } = answer.json();
      expect([name, status, settings.landingUrl, settings.loginUrl]).toEqual(['Acme', 'active', '/in', '/login']);
      expect(clientId).toMatch(/^[a-z0-9]{8,36}$/);
      expect(linkSecret).toEqual({ secretId: expect.any(String), secret: expect.stringMatching(/^.{32,}$/) });
      expect(await admin.get(of(clientId))).not.toHaveProperty('linkSecret');
      expect(JSON.stringify(await admin.get(of(clientId, '/link-secrets')))).not.toContain(linkSecret.secret);
    });

    it.each([
      ['no name', {}, 'name'],
      ['an unknown member', { name: 'x', colour: 'red' }, 'colour'],
      ['an unknown setting', { name: 'x', settings: { colour: 'red' } }, 'colour'],
      ['a name of 101 characters', { name: 'x'.repeat(101) }, 'name'],
      ['a control character', { name: 'a\u0007b' }, 'name'],
      ['half a character', { name: '\ud800' }, 'name'],
      ['a landing that is no URL', { name: 'x', settings: { landingUrl: '//evil.example' } }, 'settings.landingUrl'],
      ['a script as landing', { name: 'x', settings: { landingUrl: 'javascript:alert(1)' } }, 'settings.landingUrl'],
      ['http elsewhere', { name: 'x', settings: { redirectUrls: ['http://a.example/'] } }, 'settings.redirectUrls.0'],
      ['a wildcard', { name: 'x', settings: { redirectUrls: ['https://*.a.example/'] } }, 'settings.redirectUrls.0'],
      ['no object', [], ''],
    ])('refuses %s', async (_name, body, path) => {
      const { status, code, detail } = await problem('POST', 'clients', body);
      expect([status, code]).toEqual([400, 'request_invalid']);
      expect(detail).toContain(path);
    });

    it('changes one by merge patch: null returns to the default, what is absent stays', async () => {
      const { clientId } = await admin.post('clients', {
        name: 'Old',
        settings: { landingUrl: '/in', callbackPaths: ['/a'] },
      });
      const changed = await admin.patch(of(clientId), {
        name: 'New',
        settings: { landingUrl: null, linkReplay: 'until-expiry' },
      });
      expect(changed.name).toBe('New');
      expect(changed.settings).toMatchObject({ landingUrl: '/', callbackPaths: ['/a'], linkReplay: 'until-expiry' });
      expect(await admin.get(of(clientId))).toEqual(changed);
      const typed = { 'content-type': 'application/merge-patch+json' };
      const answer = await admin.send('PATCH', of(clientId), { headers: typed, body: '{"status":"suspended"}' });
      expect([answer.status, answer.json().status]).toEqual([200, 'suspended']);
    });

    it.each([
      ['an unknown setting', { settings: { colour: 'red' } }, 'settings_invalid'],
      ['a wrong setting', { settings: { linkReplay: 'always' } }, 'settings_invalid'],
      ['a prototype', { settings: { constructor: { prototype: {} } } }, 'request_invalid'],
      ['an unknown member', { owner: 'me' }, 'request_invalid'],
      ['no name', { name: null }, 'request_invalid'],
      ['another status', { status: 'deleted' }, 'request_invalid'],
    ])('refuses to change %s', async (_name, patch, code) => {
      expect(await problem('PATCH', of(partner.clientId), patch)).toMatchObject({ status: 400, code });
    });

    it('lists them page by page, each once', async () => {
      for (let index = 0; index < 5; index++) await admin.post('clients', { name: `Listed ${index}` });
      const all = (await admin.get('clients?limit=200')).items.map(({ clientId }: { clientId: string }) => clientId);
      const paged: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: { items: { clientId: string }[]; nextCursor: string | null } = await admin.get(
          `clients?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
        );
        expect(page.items.length).toBeLessThanOrEqual(2);
        paged.push(...page.items.map(({ clientId }) => clientId));
        cursor = page.nextCursor;
      }
      expect(paged).toEqual(all);
      expect(new Set(paged).size).toBe(paged.length);
    });

    it.each([
      'limit=0',
      'limit=201',
      'limit=-1',
      'limit=1.5',
      'limit=x',
      'limit=',
      'limit=1&limit=2',
      'limit[]=1',
      'page=2',
    ])('refuses ?%s', async (query) => {
      expect(await problem('GET', `clients?${query}`)).toMatchObject({ status: 400, code: 'request_invalid' });
    });

    it('refuses a cursor nobody gave out', async () => {
      expect(await problem('GET', 'clients?cursor=invented')).toMatchObject({ status: 400, code: 'cursor_invalid' });
    });

    it.each(['nobody00', 'n', 'UPPERCASE', '..', '%2e%2e', "'%20or%201=1"])('finds no client %s', async (clientId) => {
      expect((await problem('GET', of(clientId))).status).toBe(404);
      expect((await problem('PATCH', of(clientId), { name: 'x' })).status).toBe(404);
    });
  });

  describe('of link secrets', () => {
    it('rotates one with an overlap, never three', async () => {
      const rotating = await Partner.register(admin);
      const next = await admin.post(of(rotating.clientId, '/link-secrets'));
      const renewed = new Partner(rotating.clientId, next.secret, stack.url);
      for (const by of [rotating, renewed]) expect((await request(by.link())).status).toBe(303);
      expect(await problem('POST', of(rotating.clientId, '/link-secrets'), {})).toMatchObject({
        status: 409,
        code: 'rotation_in_progress',
      });
      const { items } = await admin.get(of(rotating.clientId, '/link-secrets'));
      expect(items).toHaveLength(2);
      const old = items.find(({ secretId }: { secretId: string }) => secretId !== next.secretId);
      await admin.delete(of(rotating.clientId, `/link-secrets/${old.secretId}`));
      expect((await request(rotating.link())).status).toBe(401);
      expect((await request(renewed.link())).status).toBe(303);
    });

    it.each([{ overlapSeconds: -1 }, { overlapSeconds: 604_801 }, { overlapSeconds: '60' }, { overlap: 60 }, []])(
      'refuses %j',
      async (body) => {
        expect((await problem('POST', of(partner.clientId, '/link-secrets'), body)).status).toBe(400);
      },
    );

    it('knows none of another client', async () => {
      const other = await Partner.register(admin);
      const { items } = await admin.get(of(other.clientId, '/link-secrets'));
      const path = of(partner.clientId, `/link-secrets/${items[0].secretId}`);
      expect(await problem('DELETE', path)).toMatchObject({ status: 404, code: 'secret_missing' });
      expect((await request(other.link())).status).toBe(303);
      expect(await problem('POST', of('nobody00', '/link-secrets'), {})).toMatchObject({
        status: 404,
        code: 'client_missing',
      });
    });
  });

  describe('of API keys', () => {
    const keys = (rest = '') => of(partner.clientId, `/api-keys${rest}`);

    it('makes, lists, rotates and deletes them', async () => {
      const made = await admin.post(keys(), { name: 'CI', kind: 'private', scopes: ['users.read'] });
      expect(made.key).toMatch(new RegExp(`^segue_sk_${partner.clientId}_${made.keyId}_`));
      const rotated = await admin.post(keys(`/${made.keyId}/rotate`), { overlapSeconds: 0 });
      expect([rotated.name, rotated.kind, rotated.scopes]).toEqual(['CI', 'private', ['users.read']]);
      expect(rotated.key).not.toBe(made.key);
      const listed = await admin.get(keys());
      expect(listed.items.map(({ keyId }: { keyId: string }) => keyId)).toContain(rotated.keyId);
      for (const { key } of [made, rotated]) expect(JSON.stringify(listed)).not.toContain(key);
      await admin.delete(keys(`/${rotated.keyId}`));
      expect(await problem('DELETE', keys(`/${rotated.keyId}`))).toMatchObject({ status: 404, code: 'key_missing' });
      expect(await problem('POST', keys(`/${rotated.keyId}/rotate`), {})).toMatchObject({
        status: 404,
        code: 'key_missing',
      });
    });

    it.each([
      { name: 'x', kind: 'secret', scopes: [] },
      { name: 'x', kind: 'public' },
      { name: 'x', kind: 'public', scopes: ['Users'] },
      { name: 'x', kind: 'public', scopes: Array.from({ length: 65 }, (_, index) => `s${index}`) },
      { name: 'x', kind: 'public', scopes: [], expiresAt: 'tomorrow' },
    ])('refuses %j', async (body) => {
      expect(await problem('POST', keys(), body)).toMatchObject({ status: 400, code: 'request_invalid' });
    });
  });

  describe('of users and their sessions', () => {
    const users = (rest = '') => of(partner.clientId, `/users${rest}`);

    it('makes and finds them', async () => {
      const made = await admin.post(users(), { externalId: 'made', email: 'made@example.com', username: 'Made' });
      expect(await admin.get(users(`/${made.userId}`))).toEqual(made);
      expect((await admin.get(users('?externalId=made'))).items).toEqual([made]);
      expect((await admin.get(users('?email=made%40example.com'))).items).toEqual([made]);
      expect((await admin.get(users('?externalId=Made'))).items).toEqual([]);
      expect(await problem('POST', users(), { externalId: 'made' })).toMatchObject({
        status: 409,
        code: 'user_already_exists',
      });
      expect(await problem('POST', users(), { email: 'made@example.com' })).toMatchObject({
        status: 409,
        code: 'user_email_already_exists',
      });
    });

    it('is the same user a link brings', async () => {
      const made = await admin.post(users(), { externalId: 'both' });
      const browser = new Browser(stack.url);
      await browser.open(partner.link({ userId: 'both' }));
      expect((await browser.open('/v1/session')).json().user.userId).toBe(made.userId);
    });

    it('pages through them', async () => {
      const many = await Partner.register(admin);
      for (let index = 0; index < 5; index++)
        await admin.post(of(many.clientId, '/users'), { externalId: `u${index}` });
      const first = await admin.get(of(many.clientId, '/users?limit=3'));
      const second = await admin.get(
        of(many.clientId, `/users?limit=3&cursor=${encodeURIComponent(first.nextCursor)}`),
      );
      expect([first.items.length, second.items.length, second.nextCursor]).toEqual([3, 2, null]);
      expect(new Set([...first.items, ...second.items].map(({ userId }) => userId)).size).toBe(5);
    });

    it('lists and ends sessions, one or all', async () => {
      const browsers = [1, 2, 3].map(() => new Browser(stack.url));
      for (const browser of browsers) await browser.open(partner.link({ userId: 'three' }));
      const alive = async () => Promise.all(browsers.map(async (each) => (await each.open('/v1/session')).status));
      const { session, user } = (await browsers[0]!.open('/v1/session')).json();
      expect((await admin.get(users(`/${user.userId}/sessions`))).items).toHaveLength(3);

      const stranger = await admin.post(users(), { externalId: 'stranger' });
      await admin.delete(users(`/${stranger.userId}/sessions/${session.sessionId}`));
      expect(await alive()).toEqual([200, 200, 200]);

      await admin.delete(users(`/${user.userId}/sessions/${session.sessionId}`));
      expect(await alive()).toEqual([401, 200, 200]);
      await admin.delete(users(`/${user.userId}/sessions`));
      expect(await alive()).toEqual([401, 401, 401]);
      expect((await admin.get(users(`/${user.userId}/sessions`))).items).toEqual([]);
      await admin.delete(users(`/${user.userId}/sessions`));
    });

    it('knows none of another client', async () => {
      const other = await Partner.register(admin);
      const browser = new Browser(stack.url);
      await browser.open(other.link());
      const { session, user } = (await browser.open('/v1/session')).json();
      expect(await problem('GET', users(`/${user.userId}`))).toMatchObject({ status: 404, code: 'user_missing' });
      expect((await admin.get(users(`/${user.userId}/sessions`))).items).toEqual([]);
      await admin.delete(users(`/${user.userId}/sessions/${session.sessionId}`));
      await admin.delete(users(`/${user.userId}/sessions`));
      expect((await browser.open('/v1/session')).status).toBe(200);
    });

    it.each(['not-a-uuid', randomUUID()])('finds no user %s', async (userId) => {
      expect((await problem('GET', users(`/${userId}`))).status).toBe(404);
    });

    it.each([{ email: 'nobody' }, { externalId: '' }, { username: 'a\u0000' }, { locale: '???' }, { admin: true }])(
      'refuses %j',
      async (body) => {
        expect(await problem('POST', users(), body)).toMatchObject({ status: 400, code: 'request_invalid' });
      },
    );
  });

  describe('of signing keys', () => {
    it('rotates them: the next one signs, the old one verifies on', async () => {
      const before = (await admin.get('signing-keys')).items;
      const kidOf = (state: string, items: { kid: string; state: string }[]) =>
        items.find((each) => each.state === state)?.kid;
      const rotated = await admin.post('signing-keys/rotate');
      expect(rotated).toMatchObject({ kid: kidOf('next', before), state: 'current' });
      const after = (await admin.get('signing-keys')).items;
      expect(kidOf('current', after)).toBe(kidOf('next', before));
      expect(kidOf('retired', after)).toBe(kidOf('current', before));
      expect(kidOf('next', after)).not.toBe(kidOf('next', before));
    });
  });

  describe('of the audit trail', () => {
    it('finds entries by client, type, user and support id, newest first, page by page', async () => {
      const audited = await Partner.register(admin);
      for (const userId of ['a', 'b']) await request(audited.link({ userId }));
      const { support } = (await request(audited.linkWith('nonsense'))).json();
      const [refused] = await admin.audit({ support });
      expect(refused).toMatchObject({ clientId: audited.clientId, type: 'link.refused', support });
      const all = await admin.audit({ clientId: audited.clientId }, 9);
      const seqs = all.map(({ seq }) => seq);
      expect(seqs).toEqual([...seqs].sort((one, other) => other - one));
      const page = await admin.get(`audit?clientId=${audited.clientId}&limit=4`);
      const next = await admin.get(
        `audit?clientId=${audited.clientId}&limit=200&cursor=${encodeURIComponent(page.nextCursor)}`,
      );
      expect([...page.items, ...next.items]).toEqual(all);
      const created = await admin.audit({ clientId: audited.clientId, type: 'user.created' }, 2);
      expect(created).toHaveLength(2);
      expect(
        (await admin.audit({ userId: created[0].userId })).every(({ userId }) => userId === created[0].userId),
      ).toBe(true);
      expect(await admin.get(`audit/verify?clientId=${audited.clientId}`)).toMatchObject({
        ok: true,
        entries: all.length,
        head: expect.stringMatching(/^[0-9a-f]{64}$/),
        firstBroken: null,
      });
    });

    it.each([
      'audit?support=x',
      'audit?clientId=UPPER',
      'audit?userId=1',
      'audit?colour=red',
      'audit/verify',
      'audit?limit=1000',
    ])('refuses %s', async (path) => {
      expect(await problem('GET', path)).toMatchObject({ status: 400, code: 'request_invalid' });
    });
  });
});
