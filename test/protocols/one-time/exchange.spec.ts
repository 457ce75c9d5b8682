import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { type Answer, request } from '../../support/http.js';
import { exchange, Member, offer } from '../../support/member.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('a one-time token', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  let member: Member;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'password=1000/1m,claim=1000/1m' } });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
    member = await Member.register(admin, partner.clientId, { externalId: 'm-1' });
  }, startMs);
  afterAll(() => stack?.stop());

  /** A bare 401, as the protocol has it. */
  const isBare = (answer: Answer) => {
    expect([answer.status, answer.text, answer.headers['www-authenticate']]).toEqual([401, '', 'Bearer']);
    expect(answer.headers['cache-control']).toBe('no-store');
  };
  const sessionOf = async (accessToken: string) =>
    (await request(`${stack.url}/v1/session`, { headers: { authorization: `Bearer ${accessToken}` } })).json().session;
  const signOut = (accessToken: string) =>
    request(`${stack.url}/v1/session`, { method: 'DELETE', headers: { authorization: `Bearer ${accessToken}` } });

  describe('is issued by POST /api/sys/users/token/refresh', () => {
    it('in the envelope of the protocol', async () => {
      const answer = await offer(stack.url, await member.accessToken());
      expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
      expect(answer.json()).toEqual({
        WasSuccessful: true,
        Value: expect.stringMatching(new RegExp(`^segue_ott_${partner.clientId}_[0-9A-Za-z]{43}$`)),
        Status: 200,
        Message: null,
        Errors: null,
      });
    });

    it('and leaves the bearer and its refresh token as they were', async () => {
      const pair = (await member.signIn()).json();
      const values = [];
      for (let times = 0; times < 3; times++) values.push((await offer(stack.url, pair.access_token)).json().Value);
      expect(new Set(values).size).toBe(3);
      expect((await member.refresh(pair.refresh_token)).status).toBe(200);
    });

    it('whatever content type a body that is not there has', async () => {
      const accessToken = await member.accessToken();
      for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain;charset=UTF-8', 'x/y'])
        for (const length of [{}, { 'content-length': '0' }])
          expect((await offer(stack.url, accessToken, { 'content-type': type, ...length } as never)).status).toBe(200);
      const authorization = `Bearer ${accessToken}`;
      const url = `${stack.url}/api/sys/users/token/refresh`;
      expect((await request(url, { method: 'POST', headers: { authorization }, body: {} })).status).toBe(200);
    });

    it('not without a valid bearer', async () => {
      const ended = await member.accessToken();
      await signOut(ended);
      const browser = new Browser(stack.url);
      await browser.open(partner.link({ userId: 'cookie' }));
      for (const headers of [
        {},
        { authorization: 'Bearer' },
        { authorization: 'Bearer nonsense' },
        { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` },
        { authorization: `Bearer ${await member.oneTimeToken()}` },
        { cookie: browser.cookie },
        { authorization: `Bearer ${ended}` },
      ])
        isBare(
          await request(`${stack.url}/api/sys/users/token/refresh`, {
            method: 'POST',
            headers: headers as Record<string, string>,
          }),
        );
    });

    it('by POST alone, which is told in the envelope', async () => {
      const answer = await request(`${stack.url}/api/sys/users/token/refresh`);
      expect([answer.status, answer.headers['allow']]).toEqual([405, 'POST']);
      expect(answer.json()).toMatchObject({ WasSuccessful: false, Value: null, Status: 405 });
      expect(answer.json().Errors).toEqual([{ AttemptedValue: null, Message: expect.any(String), PropertyName: null }]);
    });

    it('and not for a page of another client', async () => {
      const answer = await offer(stack.url, await member.accessToken(), { origin: 'https://evil.example' });
      expect([answer.status, answer.json().Status, answer.json().Value]).toEqual([403, 403, null]);
    });
  });

  describe('is exchanged by POST /api/sys/users/exchange', () => {
    it('for bearer tokens of a session of their own', async () => {
      const token = await member.oneTimeToken();
      const answer = await exchange(stack.url, { token, validForInMinutes: '1440' });
      expect([answer.status, answer.headers['cache-control'], answer.cookies]).toEqual([200, 'no-store', []]);
      const { token: accessToken, refresh_token, ...rest } = answer.json();
      expect(rest).toEqual({ token_type: 'bearer', expires_in: 86_400 });
      expect(decodeJwt(accessToken)).toMatchObject({ sub: member.userId, ext: 'm-1', client_id: partner.clientId });
      expect((await sessionOf(accessToken)).protocol).toBe('one-time');
      const portal = `nexudus.portal.${member.email}`;
      expect((await member.refresh(refresh_token, {}, { client_id: portal })).status).toBe(200);
    });

    it('once', async () => {
      const token = await member.oneTimeToken();
      expect((await exchange(stack.url, { token })).status).toBe(200);
      isBare(await exchange(stack.url, { token }));
    });

    it.each([
      [undefined, 86_400],
      ['1440', 86_400],
      ['1', 60],
      ['60', 3_600],
      ['0060', 3_600],
      ['43200', 86_400],
    ])('for %s minutes', async (validForInMinutes, seconds) => {
      const token = await member.oneTimeToken();
      const answer = await exchange(stack.url, {
        token,
        ...(validForInMinutes !== undefined && { validForInMinutes }),
      });
      expect([answer.status, answer.json().expires_in]).toEqual([200, seconds]);
      const { exp = 0, iat = 0 } = decodeJwt(answer.json().token);
      expect(exp - iat).toBe(seconds);
    });

    it.each(['0', '-1', '', ' ', '1.5', '1e3', 'day', '43201', '999999999999', '0x10', 'NaN'])(
      'not for "%s" minutes, which spends nothing',
      async (validForInMinutes) => {
        const token = await member.oneTimeToken();
        const answer = await exchange(stack.url, { token, validForInMinutes });
        expect([answer.status, answer.json().error]).toEqual([400, 'invalid_request']);
        expect((await exchange(stack.url, { token })).status).toBe(200);
      },
    );

    it.each(['', 'x', 'segue_ott_x', `segue_ott_nobody00_${'A'.repeat(43)}`, 'x'.repeat(5_000), 'a.b.c'])(
      'not for "%s"',
      async (token) => isBare(await exchange(stack.url, { token })),
    );

    it('not where a parameter comes twice, which spends nothing', async () => {
      const token = await member.oneTimeToken();
      for (const more of ['&token=x', '&validForInMinutes=1&validForInMinutes=2', '&token[]=x']) {
        const url = `${stack.url}/api/sys/users/exchange?token=${token}${more}`;
        expect((await request(url, { method: 'POST' })).status).toBe(400);
      }
      expect((await exchange(stack.url, { token })).status).toBe(200);
    });

    it('not by GET', async () => {
      const token = await member.oneTimeToken();
      const answer = await request(`${stack.url}/api/sys/users/exchange?token=${token}`);
      expect([answer.status, answer.headers['allow']]).toEqual([405, 'POST']);
      expect((await exchange(stack.url, { token })).status).toBe(200);
    });

    it('not at another client, which spends nothing', async () => {
      const other = await Partner.register(admin, { hosts: ['theirs.example.com'] });
      const token = await member.oneTimeToken();
      for (const headers of [
        { 'x-client-id': other.clientId },
        { host: 'theirs.example.com' },
        { origin: 'https://evil.example' },
      ])
        expect((await exchange(stack.url, { token }, headers as Record<string, string>)).status).toBe(403);
      expect((await exchange(stack.url, { token })).status).toBe(200);
    });

    it('and is not the code of a landing, nor the reverse', async () => {
      const afar = await Partner.register(admin, { landingUrl: 'https://portal.example.com/' });
      const landing = await request(afar.link());
      const code = new URL(landing.headers['location']!).searchParams.get('code') ?? '';
      isBare(await exchange(stack.url, { token: code }));
      const claim = (value: string) =>
        request(`${stack.url}/v1/session/claim`, {
          method: 'POST',
          body: { code: value },
          headers: { origin: 'https://portal.example.com' },
        });
      const token = await member.oneTimeToken();
      expect((await claim(token)).status).toBe(401);
      expect((await claim(code)).status).toBe(200);
      expect((await exchange(stack.url, { token })).status).toBe(200);
    });

    it('and nowhere names the token but where it was asked for', async () => {
      const token = await member.oneTimeToken();
      await exchange(stack.url, { token });
      await exchange(stack.url, { token });
      const trail = await admin.audit({ clientId: partner.clientId, type: 'token.claimed' });
      const refused = await admin.audit({ clientId: partner.clientId, type: 'token.claim_failed' });
      expect(JSON.stringify([trail, refused])).not.toContain(token.split('_').at(-1));
    });
  });

  describe('hangs on the session it was made in', () => {
    it('and dies with it', async () => {
      const accessToken = await member.accessToken();
      const token = await member.oneTimeToken(accessToken);
      expect((await signOut(accessToken)).status).toBe(204);
      isBare(await exchange(stack.url, { token }));
    });

    it('as what it became does', async () => {
      const accessToken = await member.accessToken();
      const child = (await exchange(stack.url, { token: await member.oneTimeToken(accessToken) })).json();
      const grandchild = (await exchange(stack.url, { token: await member.oneTimeToken(child.token) })).json();
      expect((await sessionOf(grandchild.token)).protocol).toBe('one-time');
      await signOut(accessToken);
      for (const { token, refresh_token } of [child, grandchild]) {
        expect(await sessionOf(token)).toBeUndefined();
        expect((await member.refresh(refresh_token)).status).toBe(400);
      }
    });

    it('and gives nothing its parent has not', async () => {
      const brief = await Partner.register(admin, { lifetimes: { oneTime: { session: 120, access: 60 } } });
      const user = await Member.register(admin, brief.clientId);
      const parentToken = await user.accessToken();
      const token = await user.oneTimeToken(parentToken);
      await admin.patch(`clients/${brief.clientId}`, {
        settings: { lifetimes: { oneTime: { session: 86_400, access: 86_400 } } },
      });
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      const answer = (await exchange(stack.url, { token })).json();
      const [parent, child] = [await sessionOf(parentToken), await sessionOf(answer.token)];
      expect(Date.parse(child.expiresAt)).toBeLessThanOrEqual(Date.parse(parent.expiresAt));
      expect(child.authenticatedAt).toBe(parent.authenticatedAt);
      expect(child.scopes.filter((scope: string) => !parent.scopes.includes(scope))).toEqual([]);
      expect(answer.expires_in).toBeLessThanOrEqual(120);
      const [claims, given] = [decodeJwt(parentToken), decodeJwt(answer.token)];
      expect(given['auth_time']).toBe(claims['auth_time']);
      expect(given.exp! * 1000).toBeLessThanOrEqual(Date.parse(parent.expiresAt));
      expect(given['scope']).toBe(claims['scope']);
    });

    it('and lives as long as the client says', async () => {
      const brief = await Partner.register(admin, { lifetimes: { oneTime: { token: 10 } } });
      const user = await Member.register(admin, brief.clientId);
      const token = await user.oneTimeToken();
      await new Promise((resolve) => setTimeout(resolve, 11_500));
      isBare(await exchange(stack.url, { token }));
    }, 20_000);
  });

  it('is limited by address where it is exchanged', async () => {
    const answer = await exchange(stack.url, { token: 'x' });
    expect(answer.headers['ratelimit-policy']).toBe('"claim";q=1000;w=60');
  });
});
