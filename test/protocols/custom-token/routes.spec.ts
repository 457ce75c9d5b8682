import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { eventually } from '../../support/eventually.js';
import type { Answer } from '../../support/http.js';
import { request } from '../../support/http.js';
import { Project } from '../../support/project.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const listed = 'https://app.example.com';
const uuid = /^[0-9a-f-]{36}$/;

let stack: Stack;
let admin: Admin;
let project: Project;
let other: Project;
let people = 0;
let userId: string;

beforeAll(async () => {
  stack = await startStack();
  admin = new Admin(stack);
  project = await Project.register(admin, { origins: [listed] });
  other = await Project.register(admin);
}, startMs);
afterAll(() => stack?.stop());
beforeEach(async () => {
  people += 1;
  userId = `user-${people}`;
  await project.addUser(userId);
});

/** The envelope, whole: nothing else is said. */
function expectRefusal(answer: Answer, status: number, type: string) {
  expect({ status: answer.status, type: answer.json().type }).toEqual({ status, type });
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(answer.json()).toEqual({ message: expect.any(String), code: status, type, version: '1.0.0' });
  expect(answer.headers['cache-control']).toBe('no-store');
}

const ofUser = (name: string, email = '') => ({
  $id: expect.any(String),
  $createdAt: expect.any(String),
  $updatedAt: expect.any(String),
  name,
  registration: expect.any(String),
  status: true,
  labels: [],
  passwordUpdate: '',
  email,
  phone: '',
  emailVerification: false,
  phoneVerification: false,
  mfa: false,
  prefs: {},
  targets: [],
  accessedAt: '',
});

describe('POST /v1/users', () => {
  it('makes a user under an id of the project’s own', async () => {
    const body = { userId: 'Ada_1.x-', name: 'Ada', email: 'ada@example.com', password: 'correct horse', phone: '+1' };
    const answer = await project.backend('POST', 'users', body);
    expect(answer.status).toBe(201);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.json()).toEqual({ ...ofUser('Ada', 'ada@example.com'), $id: 'Ada_1.x-' });
    expect(new Date(answer.json().$createdAt).getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it('makes an id for who has none, and takes null and empty members for none', async () => {
    const body = { userId: 'unique()', name: '', email: null, password: null, phone: null };
    const answer = await project.backend('POST', 'users', body);
    expect(answer.status).toBe(201);
    expect(answer.json()).toEqual({ ...ofUser(''), $id: expect.stringMatching(/^[0-9a-f]{20}$/) });
  });

  it('refuses an id or an e-mail that somebody has', async () => {
    await project.addUser('twice', { email: 'twice@example.com' });
    expectRefusal(await project.backend('POST', 'users', { userId: 'twice' }), 409, 'user_already_exists');
    const same = { userId: 'thrice', email: 'twice@example.com' };
    expectRefusal(await project.backend('POST', 'users', same), 409, 'user_email_already_exists');
  });

  it.each([
    ['no id', {}],
    ['an id with a leading period', { userId: '.x' }],
    ['an id of 37 characters', { userId: 'x'.repeat(37) }],
    ['an id that is no text', { userId: 7 }],
    ['an e-mail that is none', { userId: 'fine', email: 'nobody' }],
    ['a password of seven characters', { userId: 'fine', password: '1234567' }],
    ['a name with a control character', { userId: 'fine', name: 'a\u0000b' }],
  ])('refuses %s', async (_, body) => {
    expectRefusal(await project.backend('POST', 'users', body), 400, 'general_argument_invalid');
  });
});

describe('GET /v1/users/:id', () => {
  it('finds users of any protocol by the id of their client, byte for byte', async () => {
    const externalId = `Ünïcode / 100% ${'x'.repeat(113)}`;
    await admin.post(`clients/${project.clientId}/users`, { externalId, username: 'Linked' });
    const answer = await project.backend('GET', `users/${encodeURIComponent(externalId)}`);
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({ ...ofUser('Linked'), $id: externalId });
    const otherCase = encodeURIComponent(externalId.toUpperCase());
    expectRefusal(await project.backend('GET', `users/${otherCase}`), 404, 'user_not_found');
  });

  it('knows no other', async () => {
    for (const id of ['nobody', encodeURIComponent('x'.repeat(129)), '%00'])
      expectRefusal(await project.backend('GET', `users/${id}`), 404, 'user_not_found');
  });

  it('says who is suspended', async () => {
    const { items } = await admin.get(`clients/${project.clientId}/users?externalId=${userId}`);
    await admin.send('POST', `clients/${project.clientId}/users/${items[0].userId}/suspend`);
    expect((await project.backend('GET', `users/${userId}`)).json().status).toBe(false);
  });
});

describe('POST /v1/users/:id/tokens', () => {
  it('makes six hex digits that live for a quarter of an hour, unless something else is asked', async () => {
    const answer = await project.backend('POST', `users/${userId}/tokens`);
    expect(answer.status).toBe(201);
    expect(answer.json()).toEqual({
      $id: expect.stringMatching(uuid),
      $createdAt: expect.any(String),
      userId,
      secret: expect.stringMatching(/^[0-9a-f]{6}$/),
      expire: expect.any(String),
      phrase: '',
    });
    const life = Date.parse(answer.json().expire) - Date.now();
    expect(life).toBeGreaterThan(895_000);
    expect(life).toBeLessThanOrEqual(901_000);
  });

  it.each([
    { length: 5, expire: 60 },
    { length: 15, expire: 900 },
    { length: 16, expire: 31_536_000 },
    { length: 128, expire: 86_400 },
    { length: null, expire: null },
  ])('takes %j', async (asked) => {
    const answer = await project.backend('POST', `users/${userId}/tokens`, asked);
    expect(answer.status).toBe(201);
    expect(answer.json().secret).toMatch(new RegExp(`^[0-9a-f]{${asked.length ?? 6}}$`));
    const life = (Date.parse(answer.json().expire) - Date.now()) / 1000;
    expect(Math.abs(life - (asked.expire ?? 900))).toBeLessThan(5);
  });

  it.each([
    { length: 4 },
    { length: 129 },
    { length: 6.5 },
    { length: '6' },
    { expire: 59 },
    { expire: 901 },
    { length: 15, expire: 901 },
    { length: 16, expire: 31_536_001 },
    { length: 16, expire: '900' },
  ])('refuses %j', async (asked) => {
    expectRefusal(await project.backend('POST', `users/${userId}/tokens`, asked), 400, 'general_argument_invalid');
  });

  it('knows no user who is not there, and lets in nobody who is suspended', async () => {
    expectRefusal(await project.backend('POST', 'users/nobody/tokens'), 404, 'user_not_found');
    const { items } = await admin.get(`clients/${project.clientId}/users?externalId=${userId}`);
    await admin.send('POST', `clients/${project.clientId}/users/${items[0].userId}/suspend`);
    expectRefusal(await project.backend('POST', `users/${userId}/tokens`), 401, 'user_blocked');
    expectRefusal(await project.backend('POST', `users/${userId}/jwts`), 401, 'user_blocked');
  });

  it('takes an empty body that says it is JSON', async () => {
    const headers = { 'x-nuvix-key': project.key, 'content-type': 'application/json' };
    expect((await project.call('POST', `users/${userId}/tokens`, { headers })).status).toBe(201);
  });
});

describe('a key', () => {
  const routes = [
    ['POST', 'users', 'users.write'],
    ['GET', 'users/somebody', 'users.read'],
    ['POST', 'users/somebody/tokens', 'users.write'],
    ['POST', 'users/somebody/jwts', 'users.write'],
  ] as const;
  const call = (method: string, path: string, headers: Record<string, string>) =>
    project.call(method, path, { headers, ...(method === 'POST' && { body: { userId: 'somebody' } }) });

  it.each(routes)('is needed for %s /v1/%s, with %s', async (method, path, scope) => {
    const guest = await call(method, path, {});
    expectRefusal(guest, 401, 'general_unauthorized_scope');
    expect(guest.json().message).toBe(`User (role: guests) missing scopes [${scope}]`);

    const poor = await project.newKey({ scopes: ['sessions.write'] });
    const lacking = await call(method, path, { 'x-appwrite-key': poor });
    expectRefusal(lacking, 401, 'general_unauthorized_scope');
    expect(lacking.json().message).toBe(`User (role: applications) missing scopes [${scope}]`);

    const wrong = [other.key, `${project.key.slice(0, -1)}_`, 'nonsense', await project.newKey({ kind: 'public' })];
    for (const key of wrong) expect((await call(method, path, { 'x-appwrite-key': key })).json()).toEqual(guest.json());
    expect((await call(method, path, { 'x-appwrite-key': project.key })).status).not.toBe(401);
  });

  it('is not for browsers, and not for addresses', async () => {
    const sent = { headers: { 'x-appwrite-key': project.key, 'sec-fetch-site': 'cross-site' } };
    expectRefusal(await project.call('GET', `users/${userId}`, sent), 401, 'general_access_forbidden');
    const inQuery = await project.call('GET', `users/${userId}?apikey=${project.key}`);
    expectRefusal(inQuery, 401, 'general_unauthorized_scope');
  });

  it('does not come with a session', async () => {
    const { secret } = await project.signIn(userId);
    const headers = { 'x-appwrite-key': project.key, 'x-appwrite-session': secret };
    for (const path of [`users/${userId}`, 'account'])
      expectRefusal(await project.call('GET', path, { headers }), 403, 'user_api_key_and_session_set');
    const alone = await project.backend('GET', 'account');
    expectRefusal(alone, 401, 'general_unauthorized_scope');
    expect(alone.json().message).toBe('User (role: applications) missing scopes [account]');
  });
});

describe('a project', () => {
  it('is named by either header or in the address, and only once', async () => {
    const { secret } = await project.signIn(userId);
    const get = (path: string, headers: Record<string, string>) =>
      request(`${stack.url}/v1/${path}`, { headers: { 'x-nuvix-session': secret, ...headers } });
    expect((await get('account', { 'x-nuvix-project': project.clientId })).json().$id).toBe(userId);
    expect((await get(`account?project=${project.clientId}`, {})).json().$id).toBe(userId);
    const two = await get(`account?project=${project.clientId}`, { 'x-appwrite-project': other.clientId });
    expectRefusal(two, 400, 'general_argument_invalid');
  });

  it('that is unknown, missing or suspended looks the same', async () => {
    const gone = await Project.register(admin);
    await gone.addUser('somebody');
    const secret = await gone.secretOf('somebody', { length: 32 });
    await admin.patch(`clients/${gone.clientId}`, { status: 'suspended' });
    // A gateway hears of it a moment after the answer.
    await eventually(
      () => gone.call('GET', 'account'),
      ({ status }) => status === 404,
    );
    const body = { userId: 'somebody', secret };
    const answers = await Promise.all(
      [gone.clientId, 'unknown-project', 'abcdefgh1234', ''].map((id) =>
        request(`${stack.url}/v1/account/sessions/token`, {
          method: 'POST',
          headers: { 'x-appwrite-project': id },
          body,
        }),
      ),
    );
    for (const answer of answers) {
      expectRefusal(answer, 404, 'project_not_found');
      expect(answer.json()).toEqual(answers[0]?.json());
    }
    await admin.patch(`clients/${gone.clientId}`, { status: 'active' });
    await eventually(
      () => gone.call('GET', 'account'),
      ({ status }) => status === 401,
    );
    // Nothing was consumed.
    expect((await gone.redeem('somebody', secret)).status).toBe(201);
  });
});

describe('the account', () => {
  it('is who is signed in, however the session comes', async () => {
    const signedIn = await project.redeem(userId, await project.secretOf(userId));
    const cookies = signedIn.cookies.map((cookie) => cookie.split(';')[0] ?? '');
    expect(cookies.map((cookie) => cookie.split('=')[0])).toEqual([
      `a_session_${project.clientId}`,
      `a_session_${project.clientId}_legacy`,
    ]);
    const value = decodeURIComponent((cookies[0] ?? '').split(/=(.*)/s)[1] ?? '');
    expect(JSON.parse(Buffer.from(value, 'base64').toString())).toEqual({
      id: userId,
      secret: expect.stringMatching(/^segue_ss_/),
    });
    const ways = [
      { cookie: cookies[0] ?? '' },
      { cookie: cookies[1] ?? '' },
      { cookie: `nx_session=${encodeURIComponent(value)}` },
      { 'x-appwrite-session': value },
      { 'x-nuvix-session': value },
      { 'x-fallback-cookies': JSON.stringify({ [`a_session_${project.clientId}`]: value }) },
    ];
    for (const headers of ways) {
      const answer = await project.call('GET', 'account', { headers });
      expect(answer.status).toBe(200);
      expect(answer.json()).toEqual({ ...ofUser(''), $id: userId });
    }
  });

  it('is nobody’s without a session of this project and protocol', async () => {
    const { secret } = await project.signIn(userId);
    const { secret: credential } = JSON.parse(Buffer.from(secret, 'base64').toString());
    const anonymous = await admin.url;
    const start = await request(`${anonymous}/v1/anonymous`, { method: 'POST', body: { clientId: project.clientId } });
    const native = decodeURIComponent((start.cookies[0] ?? '').split(';')[0]?.split('=')[1] ?? '');
    const wrap = (inner: unknown) => Buffer.from(JSON.stringify(inner)).toString('base64');
    expect(native).toMatch(/^segue_ss_/);
    const none = [
      '',
      'nonsense',
      credential,
      wrap({ id: userId, secret: native }),
      wrap({ id: userId, secret: `${credential}x` }),
      wrap([credential]),
      wrap('x'),
    ];
    const [guest] = await Promise.all([project.call('GET', 'account')]);
    expectRefusal(guest, 401, 'general_unauthorized_scope');
    expect(guest.json().message).toBe('User (role: guests) missing scopes [account]');
    for (const session of none) expect((await project.as(session, 'GET', 'account')).json()).toEqual(guest.json());
    expect((await other.as(secret, 'GET', 'account')).json()).toEqual(guest.json());
    for (const [method, path] of [
      ['POST', 'account/jwts'],
      ['POST', 'account/jwt'],
      ['GET', 'account/sessions'],
      ['DELETE', 'account/sessions'],
      ['GET', 'account/sessions/current'],
      ['DELETE', 'account/sessions/current'],
    ] as const)
      expect((await project.call(method, path)).json()).toEqual(guest.json());
  });
});

describe('POST /v1/account/sessions/token', () => {
  it('opens a session for a year and says what is left of the limit', async () => {
    const answer = await project.redeem(userId, await project.secretOf(userId));
    expect(answer.status).toBe(201);
    const body = answer.json();
    expect(body).toMatchObject({
      $id: expect.stringMatching(uuid),
      userId,
      provider: 'token',
      current: true,
      factors: ['token'],
      secret: '',
      ip: '',
      mfaUpdatedAt: '',
    });
    expect(Object.keys(body)).toHaveLength(29);
    expect(Math.abs(Date.parse(body.expire) - Date.now() - 365 * 86_400_000)).toBeLessThan(10_000);
    expect(answer.headers).toMatchObject({ 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '9' });
    const reset = Number(answer.headers['x-ratelimit-reset']) - Date.now() / 1000;
    expect(reset).toBeGreaterThan(3590);
    expect(reset).toBeLessThan(3605);
    expect(answer.headers['x-fallback-cookies']).toBeUndefined();
    expect(answer.cookies[0]).toMatch(/; Path=\/; .*HttpOnly/);
  });

  it('shows the secret of the session to a backend alone, and it is the string that X-Appwrite-Session takes', async () => {
    const { secret, $id } = await project.signIn(userId);
    expect((await project.as(secret, 'GET', 'account/sessions/current')).json()).toMatchObject({ $id, secret: '' });
  });

  it('consumes nothing where a key does not hold', async () => {
    const secret = await project.secretOf(userId);
    const poor = await project.newKey({ scopes: ['users.write'] });
    for (const key of [poor, other.key])
      expectRefusal(await project.redeem(userId, secret, { 'x-appwrite-key': key }), 401, 'general_unauthorized_scope');
    expect((await project.redeem(userId, secret)).status).toBe(201);
  });

  it.each([
    {},
    { userId: 'x' },
    { secret: 'abcdef' },
    { userId: '', secret: 'a' },
    { userId: 'x', secret: 'a'.repeat(257) },
  ])('refuses %j', async (body) => {
    const answer = await project.call('POST', 'account/sessions/token', { body });
    expect({ status: answer.status, type: answer.json().type }).toEqual({
      status: 400,
      type: 'general_argument_invalid',
    });
  });

  it('refuses the eleventh try of an address at a user within the hour', async () => {
    for (let left = 9; left >= 0; left -= 1) {
      const answer = await project.redeem(userId, 'ffffffffffffffff');
      expect(answer.status).toBe(401);
      expect(answer.headers['x-ratelimit-remaining']).toBe(String(left));
    }
    const answer = await project.redeem(userId, 'ffffffffffffffff');
    expect(answer.status).toBe(429);
    expect(answer.json()).toEqual({
      message: expect.any(String),
      code: 429,
      type: 'general_rate_limit_exceeded',
      version: '1.0.0',
      limit: 10,
      remaining: 0,
      reset: expect.any(Number),
    });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(3000);
    expect((await project.redeem('somebody-else', 'ffffffffffffffff')).status).toBe(401);
    expect((await other.redeem(userId, 'ffffffffffffffff')).status).toBe(401);
  });
});

describe('JWTs', () => {
  const claimsOf = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
  const by = (jwt: string, method = 'GET', path = 'account') =>
    project.call(method, path, { headers: { 'x-appwrite-jwt': jwt } });

  it.each(['account/jwts', 'account/jwt'])(
    'of %s sign in for a quarter of an hour and die with the session',
    async (path) => {
      const { secret, $id } = await project.signIn(userId);
      const answer = await project.as(secret, 'POST', path, { body: {} });
      expect(answer.status).toBe(201);
      const { jwt, ...rest } = answer.json();
      expect(rest).toEqual({});
      const claims = claimsOf(jwt);
      expect(claims).toMatchObject({ userId, sessionId: $id });
      expect(claims.exp - claims.iat).toBe(900);
      expect((await by(jwt)).json().$id).toBe(userId);
      expect((await by(jwt, 'GET', 'account/sessions/current')).json().$id).toBe($id);

      const both = { 'x-appwrite-session': secret, 'x-appwrite-jwt': jwt };
      expectRefusal(await project.call('GET', 'account', { headers: both }), 403, 'user_jwt_and_session_set');
      expectRefusal(await by(jwt, 'POST', 'account/jwts'), 401, 'general_unauthorized_scope');
      const elsewhere = await other.call('GET', 'account', { headers: { 'x-appwrite-jwt': jwt } });
      expectRefusal(elsewhere, 401, 'user_jwt_invalid');

      expect((await project.as(secret, 'DELETE', 'account/sessions/current', { body: {} })).status).toBe(204);
      const dead = await eventually(
        () => by(jwt),
        ({ status }) => status !== 200,
        5_000,
      );
      expectRefusal(dead, 401, 'user_jwt_invalid');
    },
  );

  it('that are none are refused', async () => {
    for (const jwt of ['nonsense', 'a.b.c']) expectRefusal(await by(jwt), 401, 'user_jwt_invalid');
  });

  it('end when they say', async () => {
    const { secret } = await project.signIn(userId);
    const { jwt } = (await project.as(secret, 'POST', 'account/jwts', { body: { duration: 1 } })).json();
    const late = await eventually(
      () => by(jwt),
      ({ status }) => status !== 200,
      5_000,
    );
    expectRefusal(late, 401, 'user_jwt_invalid');
  });

  it('of a backend belong to the most recent session, to the one it names, or to none', async () => {
    const make = async (body: object) => (await project.backend('POST', `users/${userId}/jwts`, body)).json().jwt;
    const alone = await make({});
    expect(claimsOf(alone)).toMatchObject({ userId, sessionId: '' });
    expect((await by(alone)).json().$id).toBe(userId);
    expectRefusal(await by(alone, 'GET', 'account/sessions/current'), 404, 'user_session_not_found');

    const first = await project.signIn(userId);
    const second = await project.signIn(userId);
    expect(claimsOf(await make({}))).toMatchObject({ sessionId: second.$id });
    const named = await make({ sessionId: first.$id, duration: 3600 });
    expect(claimsOf(named)).toMatchObject({ sessionId: first.$id });
    expect(claimsOf(named).exp - claimsOf(named).iat).toBe(3600);

    const unknown = await project.backend('POST', `users/${userId}/jwts`, { sessionId: 'nonsense' });
    expectRefusal(unknown, 404, 'user_session_not_found');
    for (const duration of [-1, 3601, '900']) {
      const answer = await project.backend('POST', `users/${userId}/jwts`, { duration });
      expectRefusal(answer, 400, 'general_argument_invalid');
    }
  });

  it('of one who is suspended meanwhile sign in no more, with a session or without', async () => {
    const { jwt } = (await project.backend('POST', `users/${userId}/jwts`)).json();
    const { items } = await admin.get(`clients/${project.clientId}/users?externalId=${userId}`);
    await admin.send('POST', `clients/${project.clientId}/users/${items[0].userId}/suspend`);
    expect((await by(jwt)).status).toBe(401);
  });
});

describe('the sessions of an account', () => {
  it('are listed, read and ended one by one', async () => {
    const first = await project.signIn(userId);
    const second = await project.signIn(userId);
    const list = (await project.as(first.secret, 'GET', 'account/sessions')).json();
    expect(list.total).toBe(2);
    expect(list.sessions.map((each: { $id: string; current: boolean }) => [each.$id, each.current])).toEqual([
      [second.$id, false],
      [first.$id, true],
    ]);
    const read = await project.as(first.secret, 'GET', `account/sessions/${second.$id}`);
    expect(read.json()).toMatchObject({ $id: second.$id, current: false, userId });

    const gone = await project.as(first.secret, 'DELETE', `account/sessions/${second.$id}`);
    expect({ status: gone.status, text: gone.text, cookies: gone.cookies }).toEqual({
      status: 204,
      text: '',
      cookies: [],
    });
    expect((await project.as(second.secret, 'GET', 'account')).status).toBe(401);
    const again = await project.as(first.secret, 'DELETE', `account/sessions/${second.$id}`);
    expectRefusal(again, 404, 'user_session_not_found');

    const headers = { 'content-type': 'application/json' };
    const own = await project.as(first.secret, 'DELETE', 'account/sessions/current', { headers, body: '{}' });
    expect(own.status).toBe(204);
    expect(own.cookies.every((cookie) => cookie.includes('Expires=Thu, 01 Jan 1970'))).toBe(true);
    expect(own.cookies).toHaveLength(2);
    expect((await project.as(first.secret, 'GET', 'account')).status).toBe(401);
  });

  it('end all at once', async () => {
    const signedIn = [await project.signIn(userId), await project.signIn(userId)];
    const headers = { 'content-type': 'application/json' };
    expect((await project.as(signedIn[0]?.secret ?? '', 'DELETE', 'account/sessions', { headers })).status).toBe(204);
    for (const { secret } of signedIn) expect((await project.as(secret, 'GET', 'account')).status).toBe(401);
  });

  it('of somebody else are not there', async () => {
    await project.addUser(`${userId}-else`);
    const [mine, theirs] = [await project.signIn(userId), await project.signIn(`${userId}-else`)];
    for (const method of ['GET', 'DELETE']) {
      const answer = await project.as(mine.secret, method, `account/sessions/${theirs.$id}`);
      expectRefusal(answer, 404, 'user_session_not_found');
    }
    expect((await project.as(theirs.secret, 'GET', 'account')).status).toBe(200);
  });
});

describe('pages of other sites', () => {
  it('may call from an origin the project lists', async () => {
    const preflight = await request(`${stack.url}/v1/account/sessions/token`, {
      method: 'OPTIONS',
      headers: {
        origin: listed,
        'access-control-request-method': 'POST',
        'access-control-request-headers':
          'content-type,x-appwrite-project,x-appwrite-response-format,x-fallback-cookies,x-sdk-language,x-sdk-name,x-sdk-platform,x-sdk-version',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe(listed);
    expect(preflight.headers['access-control-allow-credentials']).toBe('true');
    const allowed = (preflight.headers['access-control-allow-headers'] ?? '').split(', ');
    const family = ['project', 'session', 'jwt', 'locale', 'mode', 'response-format'];
    expect(allowed).toEqual(
      expect.arrayContaining([
        ...family.map((name) => `x-appwrite-${name}`),
        ...family.map((name) => `x-nuvix-${name}`),
        ...['name', 'platform', 'language', 'version'].map((name) => `x-sdk-${name}`),
        'x-fallback-cookies',
        'content-type',
      ]),
    );
    expect(allowed.filter((name) => name.endsWith('-key'))).toEqual([]);
  });

  it('get what their browser may not keep, and keep it themselves', async () => {
    const secret = await project.secretOf(userId);
    const headers = { origin: listed, 'sec-fetch-site': 'cross-site' };
    const answer = await project.redeem(userId, secret, headers);
    expect(answer.status).toBe(201);
    expect(answer.headers['access-control-expose-headers']).toContain('x-fallback-cookies');
    const fallback = answer.headers['x-fallback-cookies'] ?? '';
    expect(Object.keys(JSON.parse(fallback))).toEqual([`a_session_${project.clientId}`]);
    const kept = { ...headers, 'x-fallback-cookies': fallback };
    expect((await project.call('GET', 'account', { headers: kept })).json().$id).toBe(userId);
    const out = await project.call('DELETE', 'account/sessions/current', { headers: kept });
    expect({ status: out.status, fallback: out.headers['x-fallback-cookies'] }).toEqual({
      status: 204,
      fallback: '{}',
    });
  });

  it('may not from any other, and nothing is consumed', async () => {
    const secret = await project.secretOf(userId);
    const refused = await project.redeem(userId, secret, { origin: 'https://evil.example.com' });
    expect({ status: refused.status, type: refused.json().type }).toEqual({
      status: 403,
      type: 'general_unknown_origin',
    });
    expect(refused.headers['access-control-allow-origin']).toBeUndefined();
    const foreign = await other.call('GET', 'account', { headers: { origin: listed } });
    expectRefusal(foreign, 403, 'general_unknown_origin');
    expect((await project.redeem(userId, secret)).status).toBe(201);
  });
});

describe('whatever else', () => {
  it('answers a ping', async () => {
    const answer = await request(`${stack.url}/v1/ping`);
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: 'Pong!' });
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
  });

  it.each([
    ['DELETE', 'users'],
    ['PUT', 'users/x'],
    ['GET', 'users/x/tokens'],
    ['GET', 'users/x/jwts'],
    ['PATCH', 'account'],
    ['GET', 'account/sessions/token'],
    ['PATCH', 'account/sessions/current'],
    ['PUT', 'account/sessions'],
    ['GET', 'account/jwts'],
    ['GET', 'account/jwt'],
    ['POST', 'ping'],
  ])('%s /v1/%s is no method of this route', async (method, path) => {
    const answer = await project.call(method, path);
    expectRefusal(answer, 405, 'general_bad_request');
    expect(answer.headers['allow']).toMatch(/^[A-Z, ]+$/);
  });

  it.each(['users/x/prefs', 'account/identities', 'account/mfa/factors', 'account/sessions/email/x'])(
    '/v1/%s is no route',
    async (path) => {
      for (const method of ['GET', 'POST', 'PATCH', 'DELETE'])
        expectRefusal(await project.call(method, path), 404, 'general_route_not_found');
    },
  );

  it('refuses bodies that are no JSON', async () => {
    const send = (type: string, body: string) =>
      project.call('POST', 'account/sessions/token', { headers: { 'content-type': type }, body });
    const form = await send('application/x-www-form-urlencoded', 'userId=x');
    expect({ status: form.status, type: form.json().type }).toEqual({ status: 415, type: 'general_bad_request' });
    const broken = await send('application/json', '{');
    expect({ status: broken.status, type: broken.json().type }).toEqual({ status: 400, type: 'general_bad_request' });
    const big = await send('application/json', JSON.stringify({ userId: 'x'.repeat(20_000) }));
    expect({ status: big.status, type: big.json().type }).toEqual({ status: 413, type: 'general_bad_request' });
    for (const answer of [form, broken, big]) expect(answer.headers['content-type']).toMatch(/^application\/json/);
  });
});
