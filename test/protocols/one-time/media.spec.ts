import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { eventually } from '../../support/eventually.js';
import { request } from '../../support/http.js';
import { Member, offer } from '../../support/member.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('a media token', () => {
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

  const by = (accessToken: string) => ({ authorization: `Bearer ${accessToken}` });
  const issue = (accessToken: string, method = 'GET') =>
    request(`${stack.url}/api/auth/media/customer`, { method, headers: by(accessToken) });
  const verify = (t: string, headers: Record<string, string> = {}) =>
    request(`${stack.url}/v1/media/verify?${new URLSearchParams({ t })}`, { headers });

  it('opens files, more than once', async () => {
    const accessToken = await member.accessToken();
    const answer = await issue(accessToken);
    expect([answer.status, answer.headers['cache-control'], Object.keys(answer.json())]).toEqual([
      200,
      'no-store',
      ['jwt'],
    ]);
    const { jwt } = answer.json();
    const { exp = 0, iat = 0, ...claims } = decodeJwt(jwt);
    expect(decodeProtectedHeader(jwt).typ).toBe('media+jwt');
    expect(exp - iat).toBe(900);
    expect(claims).toMatchObject({
      sub: member.userId,
      ext: 'm-1',
      client_id: partner.clientId,
      scope: '',
      sid: decodeJwt(accessToken)['sid'],
      auth_time: decodeJwt(accessToken)['auth_time'],
    });
    for (let times = 0; times < 2; times++) {
      const good = await verify(jwt);
      expect([good.status, good.text, good.headers['x-user-id'], good.headers['x-client-id']]).toEqual([
        204,
        '',
        member.userId,
        partner.clientId,
      ]);
    }
    const [entry] = await admin.audit({ clientId: partner.clientId, type: 'token.issued' });
    expect(entry).toBeDefined();
  });

  it('opens nothing else, and nothing else opens files', async () => {
    const accessToken = await member.accessToken();
    const { jwt } = (await issue(accessToken)).json();
    for (const path of ['/v1/session', '/v1/verify', '/api/auth/media/customer'])
      expect((await request(`${stack.url}${path}`, { headers: by(jwt) })).status).toBe(401);
    expect((await offer(stack.url, jwt)).status).toBe(401);
    const { refresh_token } = (await member.signIn()).json();
    for (const t of [accessToken, refresh_token, await member.oneTimeToken(), '', 'x', 'a.b.c', `${jwt}x`])
      expect((await verify(t)).status).toBe(401);
    expect((await verify('', by(jwt))).status).toBe(401);
  });

  it('ends with its session', async () => {
    const accessToken = await member.accessToken();
    const { jwt } = (await issue(accessToken)).json();
    expect((await verify(jwt)).status).toBe(204);
    await request(`${stack.url}/v1/session`, { method: 'DELETE', headers: by(accessToken) });
    await eventually(
      async () => (await verify(jwt)).status,
      (status) => status === 401,
    );
    const late = await issue(accessToken);
    expect([late.status, late.text]).toEqual([401, '']);
  });

  it('never outlives the bearer it was asked for with', async () => {
    const brief = await Partner.register(admin, { lifetimes: { oneTime: { access: 60 } } });
    const user = await Member.register(admin, brief.clientId);
    const accessToken = await user.accessToken();
    const { jwt } = (await issue(accessToken)).json();
    expect(decodeJwt(jwt).exp).toBeLessThanOrEqual(decodeJwt(accessToken).exp!);
  });

  it('is made for a valid bearer alone', async () => {
    const browser = new Browser(stack.url);
    await browser.open(partner.link({ userId: 'cookie' }));
    for (const headers of [{}, { authorization: 'Bearer x' }, { cookie: browser.cookie }]) {
      const answer = await request(`${stack.url}/api/auth/media/customer`, {
        headers: headers as Record<string, string>,
      });
      expect([answer.status, answer.text]).toEqual([401, '']);
    }
  });

  it('is not made by a HEAD, nor by another method', async () => {
    const accessToken = await member.accessToken();
    const head = await issue(accessToken, 'HEAD');
    expect([head.status, head.text]).toEqual([200, '']);
    const post = await issue(accessToken, 'POST');
    expect([post.status, post.json().error]).toEqual([405, 'invalid_request']);
  });

  it('is refused at a host of another client', async () => {
    await Partner.register(admin, { hosts: ['media.other.example'] });
    const { jwt } = (await issue(await member.accessToken())).json();
    expect((await verify(jwt, { host: 'media.other.example' })).status).toBe(403);
    expect((await verify(jwt)).status).toBe(204);
  });
});
