import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { Secret, TOTP } from 'otpauth';
import { Admin } from '../../support/admin.js';
import { eventually } from '../../support/eventually.js';
import { type Answer, request } from '../../support/http.js';
import { Member, tokenRequest } from '../../support/member.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const basic = (user: string) => ({ authorization: `Basic ${Buffer.from(`${user}:`).toString('base64')}` });

describe('POST /api/token', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  let member: Member;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'password=1000/1m' } });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
    member = await Member.register(admin, partner.clientId, { externalId: 'm-1' });
  }, startMs);
  afterAll(() => stack?.stop());

  const refusedWith = (answer: Answer, error: string, status = 400) => {
    expect([answer.status, answer.json().error]).toEqual([status, error]);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers).not.toHaveProperty('www-authenticate');
  };
  const whoIs = (accessToken: string) =>
    request(`${stack.url}/v1/session`, { headers: { authorization: `Bearer ${accessToken}` } });

  describe('with a password', () => {
    it('answers as RFC 6749 says, and names the user', async () => {
      const answer = await member.signIn();
      expect([answer.status, answer.headers['cache-control'], answer.cookies]).toEqual([200, 'no-store', []]);
      const { access_token, token_type, expires_in, refresh_token, ...more } = answer.json();
      expect([token_type, expires_in, more]).toEqual(['bearer', 86_400, {}]);
      expect(refresh_token).toMatch(new RegExp(`^segue_rt_${partner.clientId}_`));
      expect(decodeJwt(access_token)).toMatchObject({
        iss: stack.url,
        sub: member.userId,
        ext: 'm-1',
        client_id: partner.clientId,
        scope: '',
        auth_time: expect.any(Number),
      });
      const { session, user } = (await whoIs(access_token)).json();
      expect(user.userId).toBe(member.userId);
      expect(session).toMatchObject({ protocol: 'one-time', scopes: [] });
      expect(Date.parse(session.expiresAt) - Date.parse(session.createdAt)).toBe(15 * 86_400_000);
    });

    it('takes the e-mail in any case, an empty totp as none, and what it does not know as nothing', async () => {
      for (const fields of [{ username: member.email.toUpperCase() }, { totp: '' }, { scope: 'everything', x: 'y' }])
        expect((await member.signIn(fields)).status).toBe(200);
    });

    it.each([
      ['a wrong password', { password: 'wrong horse battery' }],
      ['an unknown e-mail', { username: 'nobody@example.com' }],
      ['a name that is no e-mail', { username: 'anonymous' }],
    ])('refuses %s in the same words', async (_what, fields) => {
      const answer = await member.signIn(fields);
      refusedWith(answer, 'invalid_grant');
      expect(answer.json().error_description).toBe('The email or password is incorrect.');
    });

    it('refuses a placeholder, a user of another client, and whoever is suspended', async () => {
      const nameless = await admin.post(`clients/${partner.clientId}/users`, { password: 'correct horse battery' });
      refusedWith(
        await member.signIn({ username: nameless.email, password: 'correct horse battery' }),
        'invalid_grant',
      );

      const other = await Partner.register(admin);
      refusedWith(await member.signIn({}, { 'x-client-id': other.clientId }), 'invalid_grant');

      const halted = await Member.register(admin, partner.clientId);
      await admin.send('POST', `clients/${partner.clientId}/users/${halted.userId}/suspend`);
      refusedWith(await halted.signIn(), 'invalid_grant');
      refusedWith(await halted.signIn({ password: 'wrong horse battery' }), 'invalid_grant');
    });

    it('says nothing of a client that is suspended', async () => {
      const closed = await Partner.register(admin);
      const theirs = await Member.register(admin, closed.clientId);
      expect((await theirs.signIn()).status).toBe(200);
      await admin.patch(`clients/${closed.clientId}`, { status: 'suspended' });
      const answer = await eventually(
        () => theirs.signIn(),
        ({ status }) => status !== 200,
      );
      refusedWith(answer, 'invalid_grant');
      expect(answer.text).toBe((await member.signIn({ password: 'wrong horse battery' })).text);
    });

    it.each([
      ['no e-mail', { username: '' }],
      ['no password', { password: '' }],
      ['too long an e-mail', { username: 'x'.repeat(255) }],
      ['too long a password', { password: 'x'.repeat(1025) }],
      ['too long a name of an app', { client_id: 'x'.repeat(513) }],
    ])('cannot do with %s', async (_what, fields) =>
      refusedWith(await member.signIn(fields as Record<string, string>), 'invalid_request'),
    );
  });

  describe('with a second factor', () => {
    let guarded: Member;
    let totp: TOTP;
    beforeAll(async () => {
      guarded = await Member.register(admin, partner.clientId);
      const { secret } = await admin.post(`clients/${partner.clientId}/users/${guarded.userId}/totp`);
      totp = new TOTP({ secret: Secret.fromBase32(secret) });
    });

    it('asks for it only where the password is right', async () => {
      refusedWith(await guarded.signIn(), 'two_factor_auth_check');
      refusedWith(await guarded.signIn({ totp: '' }), 'two_factor_auth_check');
      refusedWith(await guarded.signIn({ password: 'wrong horse battery' }), 'invalid_grant');
    });

    it('takes a step once', async () => {
      const code = totp.generate();
      refusedWith(await guarded.signIn({ totp: code === '000000' ? '000001' : '000000' }), 'invalid_grant');
      expect((await guarded.signIn({ totp: code })).status).toBe(200);
      refusedWith(await guarded.signIn({ totp: code }), 'invalid_grant');
    });

    it('does without it once it is taken away', async () => {
      await admin.delete(`clients/${partner.clientId}/users/${guarded.userId}/totp`);
      expect((await guarded.signIn()).status).toBe(200);
    });
  });

  it('locks a user after ten failures an hour, also for the right password', async () => {
    const target = await Member.register(admin, partner.clientId);
    for (let times = 0; times < 10; times++)
      refusedWith(await target.signIn({ password: 'wrong horse battery' }), 'invalid_grant');
    refusedWith(await target.signIn(), 'invalid_grant');
    expect((await member.signIn()).status).toBe(200);
    const query = { clientId: partner.clientId, type: 'password.refused', userId: target.userId };
    const refusals = await admin.audit(query, 11);
    expect(refusals[0]).toMatchObject({ reason: 'locked' });
  });

  describe('takes forms only', () => {
    it('and JSON is a grant it does not know', async () => {
      const { email: username, password, clientId } = member;
      const body = { grant_type: 'password', username, password };
      const answer = await request(`${stack.url}/api/token`, {
        method: 'POST',
        body,
        headers: { 'x-client-id': clientId },
      });
      refusedWith(answer, 'unsupported_grant_type');
    });

    it('with a grant it knows', async () => {
      for (const type of ['client_credentials', 'authorization_code', 'PASSWORD', 'x'])
        refusedWith(await tokenRequest(stack.url, { grant_type: type }), 'unsupported_grant_type');
      refusedWith(await tokenRequest(stack.url, {}), 'unsupported_grant_type');
      refusedWith(await tokenRequest(stack.url, { username: 'x' }), 'invalid_request');
    });

    it('with every parameter once', async () => {
      const body = new URLSearchParams({ grant_type: 'password', username: member.email, password: member.password });
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-client-id': member.clientId };
      const send = (extra: string) =>
        request(`${stack.url}/api/token`, { method: 'POST', headers, body: `${body}${extra}` });
      for (const extra of ['&username=x', '&grant_type=refresh_token', '&client_id[]=x', '&a.b=c'])
        refusedWith(await send(extra), 'invalid_request');
      expect((await send('')).status).toBe(200);
    });

    it('by POST', async () => {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const answer = await request(`${stack.url}/api/token`, { method });
        refusedWith(answer, 'invalid_request', 405);
        expect(answer.headers['allow']).toBe('POST');
      }
    });

    it('of a kind it can read', async () => {
      const send = (type: string, body: string) =>
        request(`${stack.url}/api/token`, { method: 'POST', headers: { 'content-type': type }, body });
      refusedWith(await send('text/plain', 'grant_type=password'), 'invalid_request', 415);
      refusedWith(await send('application/json', '{'), 'invalid_request');
    });
  });

  describe('is of one client', () => {
    it('which must be named where there is a choice', async () => {
      refusedWith(await member.signIn({}, { 'x-client-id': 'nobody0000' }), 'invalid_request');
      for (const named of ['', 'NOT ONE', 'x'.repeat(300)])
        refusedWith(await member.signIn({}, { 'x-client-id': named }), 'invalid_request');
      const { email: username, password } = member;
      refusedWith(await tokenRequest(stack.url, { grant_type: 'password', username, password }), 'invalid_request');
    });

    it('which its host tells, too', async () => {
      const host = `${randomUUID()}.example.com`;
      await admin.patch(`clients/${partner.clientId}`, { settings: { hosts: [host] } });
      const { email: username, password } = member;
      const form = { grant_type: 'password', username, password };
      expect((await tokenRequest(stack.url, form, { host })).status).toBe(200);
      const other = await Partner.register(admin);
      refusedWith(await tokenRequest(stack.url, form, { host, 'x-client-id': other.clientId }), 'access_denied', 403);
    });

    it('and refuses a refresh token that comes as if it were of another', async () => {
      const { refresh_token } = (await member.signIn()).json();
      const other = await Partner.register(admin);
      refusedWith(await member.refresh(refresh_token, {}, { 'x-client-id': other.clientId }), 'access_denied', 403);
      expect((await member.refresh(refresh_token)).status).toBe(200);
    });

    it('whose pages alone may call it', async () => {
      const origin = 'https://portal.example.com';
      refusedWith(await member.signIn({}, { origin }), 'access_denied', 403);
      await admin.patch(`clients/${partner.clientId}`, { settings: { origins: [origin] } });
      const answer = await eventually(
        () => member.signIn({}, { origin }),
        ({ status }) => status === 200,
      );
      expect(answer.headers['access-control-allow-origin']).toBe(origin);
      const preflight = await request(`${stack.url}/api/token`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'client_id' },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers['access-control-allow-headers']).toContain('client_id');
    });
  });

  describe('with a refresh token', () => {
    it('rotates, and gives whoever asks twice the same successor', async () => {
      const first = (await member.signIn()).json();
      const [second, again] = [await member.refresh(first.refresh_token), await member.refresh(first.refresh_token)];
      expect([second.status, second.headers['cache-control']]).toEqual([200, 'no-store']);
      const { access_token, token_type, expires_in, refresh_token } = second.json();
      expect([token_type, expires_in]).toEqual(['bearer', 86_400]);
      expect(refresh_token).not.toBe(first.refresh_token);
      expect(again.json().refresh_token).toBe(refresh_token);
      const [before, after] = [decodeJwt(first.access_token), decodeJwt(access_token)];
      for (const claim of ['sub', 'sid', 'ext', 'client_id', 'auth_time', 'epoch', 'scope'])
        expect([claim, after[claim]]).toEqual([claim, before[claim]]);
      expect((await whoIs(first.access_token)).status).toBe(200);
    });

    it('ends the chain where an old one comes back', async () => {
      const first = (await member.signIn()).json();
      const second = (await member.refresh(first.refresh_token)).json();
      const third = (await member.refresh(second.refresh_token)).json();
      refusedWith(await member.refresh(first.refresh_token), 'invalid_grant');
      refusedWith(await member.refresh(third.refresh_token), 'invalid_grant');
      expect((await whoIs(third.access_token)).status).toBe(401);
    });

    it.each(['x', 'segue_rt_', `segue_rt_nobody00_${'A'.repeat(60)}`, `segue_rt_${'x'.repeat(260)}`, 'a.b.c'])(
      'refuses "%s"',
      async (token) => refusedWith(await member.refresh(token), 'invalid_grant'),
    );

    it('needs one', async () => refusedWith(await member.refresh(''), 'invalid_request'));

    it('refuses one of another protocol, and leaves its chain alone', async () => {
      const portal = 'https://app.example.com';
      const linked = await Partner.register(admin, { landingUrl: `${portal}/` });
      const landing = await request(linked.link({ userId: 'linked' }));
      const code = new URL(landing.headers['location']!).searchParams.get('code');
      const claimed = await request(`${stack.url}/v1/session/claim`, {
        method: 'POST',
        body: { code },
        headers: { origin: portal },
      });
      const { refreshToken } = claimed.json();
      refusedWith(await member.refresh(refreshToken), 'invalid_grant');
      const native = (token: string) =>
        request(`${stack.url}/v1/session/refresh`, { method: 'POST', body: { refreshToken: token } });
      expect((await native(refreshToken)).status).toBe(200);

      const { refresh_token } = (await member.signIn()).json();
      expect((await native(refresh_token)).status).toBe(401);
      expect((await member.refresh(refresh_token)).status).toBe(200);
    });

    it('refuses who was suspended, or has a new password', async () => {
      const user = await Member.register(admin, partner.clientId);
      const before = (await user.signIn()).json();
      await admin.patch(`clients/${partner.clientId}/users/${user.userId}`, { password: 'another correct horse' });
      const again = await user.signIn({ password: 'another correct horse' });
      expect(again.status).toBe(200);
      await eventually(
        () => user.refresh(before.refresh_token),
        ({ status }) => status === 400,
      );
      expect((await user.refresh(again.json().refresh_token)).status).toBe(200);
      await admin.send('POST', `clients/${partner.clientId}/users/${user.userId}/suspend`);
      refusedWith(
        await user.refresh((await user.refresh(again.json().refresh_token)).json().refresh_token ?? 'x'),
        'invalid_grant',
      );
    });
  });

  describe('binds the refresh token to an app', () => {
    const mine = 'nexudus.portal.somebody';

    it.each([
      ['the header client_id', {}, { client_id: mine }],
      ['the form field', { client_id: mine }, {}],
      ['the user of Basic', {}, basic(mine)],
      ['the header before the others', { client_id: 'x' }, { client_id: mine, ...basic('y') }],
      ['the form field before Basic', { client_id: mine }, basic('y')],
    ])('named by %s', async (_what, fields, headers) => {
      const { refresh_token } = (await member.signIn(fields, headers as Record<string, string>)).json();
      for (const other of [{ client_id: 'another' }, { client_id: member.email }, {}])
        refusedWith(await member.refresh(refresh_token, other as Record<string, string>), 'invalid_grant');
      const same = await member.refresh(refresh_token, fields, headers as Record<string, string>);
      expect(same.status).toBe(200);
      expect((await member.refresh(same.json().refresh_token, {}, { client_id: mine })).status).toBe(200);
    });

    it('which is the e-mail where none is named, in any case', async () => {
      const { refresh_token } = (await member.signIn()).json();
      refusedWith(await member.refresh(refresh_token, { client_id: 'another' }), 'invalid_grant');
      const second = await member.refresh(refresh_token, { client_id: member.email.toUpperCase() });
      expect(second.status).toBe(200);
      const third = await member.refresh(second.json().refresh_token);
      expect(third.status).toBe(200);
      expect((await member.refresh(third.json().refresh_token, {}, { client_id: member.email })).status).toBe(200);
    });

    it('as portals name themselves', async () => {
      const app = `nexudus.portal.${member.email}`;
      const { refresh_token } = (await member.signIn({ totp: '' }, { client_id: app })).json();
      refusedWith(await member.refresh(refresh_token, {}, { client_id: member.email }), 'invalid_grant');
      expect((await member.refresh(refresh_token, {}, { client_id: app })).status).toBe(200);
    });
  });
});

describe('the only client there is', () => {
  let stack: Stack;
  let admin: Admin;
  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'password=4/1m,refresh=2/1m', TRUSTED_PROXIES: '127.0.0.1' } });
    admin = new Admin(stack);
  }, startMs);
  afterAll(() => stack?.stop());

  it('need not be named, until there is another', async () => {
    const { clientId } = await Partner.register(admin);
    const { email: username, password } = await Member.register(admin, clientId);
    const form = { grant_type: 'password', username, password };
    let host = 0;
    expect((await tokenRequest(stack.url, form)).status).toBe(200);
    await Partner.register(admin);
    const answer = await eventually(
      () => tokenRequest(stack.url, form, { 'x-forwarded-for': `192.0.2.${++host}` }),
      ({ status }) => status !== 200,
    );
    expect([answer.status, answer.json().error]).toEqual([400, 'invalid_request']);
  });

  it('limits passwords by address, and refreshes by chain', async () => {
    const { clientId } = await Partner.register(admin);
    const member = await Member.register(admin, clientId);
    const from = (last: number) => ({ 'x-forwarded-for': `198.51.100.${last}` });
    const pairs = [];
    for (let times = 0; times < 4; times++) {
      const answer = await member.signIn({}, from(1));
      expect([answer.status, answer.headers['ratelimit-policy']]).toEqual([200, '"password";q=4;w=60']);
      pairs.push(answer.json());
    }
    const limited = await member.signIn({}, from(1));
    expect([limited.status, limited.json().error]).toEqual([429, 'too_many_requests']);
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(50);
    expect((await member.signIn({}, from(2))).status).toBe(200);

    const [first, second] = pairs;
    let { refresh_token } = first;
    for (let times = 0; times < 2; times++) {
      const answer = await member.refresh(refresh_token, {}, from(1));
      expect([answer.status, answer.headers['ratelimit-policy']]).toEqual([200, '"refresh";q=2;w=60']);
      refresh_token = answer.json().refresh_token;
    }
    expect((await member.refresh(refresh_token, {}, from(3))).status).toBe(429);
    expect((await member.refresh(second.refresh_token, {}, from(1))).status).toBe(200);
  });
});
