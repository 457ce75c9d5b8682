import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Secret, TOTP } from 'otpauth';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { eventually } from '../../support/eventually.js';
import { type Answer, request } from '../../support/http.js';
import { exchange, Member, offer } from '../../support/member.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

type Part = Parameters<Stack['signal']>[0];

describe('protocol 004, while a part is down', () => {
  let stack: Stack;
  let admin: Admin;
  let member: Member;
  const paused = new Set<Part>();

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false, env: { LIMITS: 'password=1000/1m,claim=1000/1m' } });
    admin = new Admin(stack);
    const { clientId } = await Partner.register(admin);
    member = await Member.register(admin, clientId);
  }, startMs);
  afterAll(() => stack?.stop());
  afterEach(() => resume());

  const pause = (part: Part) => {
    stack.signal(part, 'SIGSTOP');
    paused.add(part);
  };
  const resume = () => {
    for (const part of paused) stack.signal(part, 'SIGCONT');
    paused.clear();
  };
  const isDown = (answer: Answer, outcome: 'not_executed' | 'unknown', status = 503) => {
    expect([answer.status, answer.headers['segue-outcome']]).toEqual([status, outcome]);
    expect(answer.headers).toMatchObject({ 'retry-after': '2', 'cache-control': 'no-store' });
    expect(answer.text).not.toMatch(/segue_|eyJ/);
  };
  const isOauthDown = (answer: Answer, outcome: 'not_executed' | 'unknown') => {
    isDown(answer, outcome);
    expect(answer.json()).toEqual({ error: 'temporarily_unavailable', error_description: expect.any(String) });
  };

  it.each(['identity', 'session', 'token'] as const)(
    'a password while %s is silent is temporarily_unavailable',
    async (part) => {
      await member.signIn();
      pause(part);
      isOauthDown(await member.signIn(), 'unknown');
      resume();
      expect((await member.signIn()).status).toBe(200);
    },
    15_000,
  );

  it.each(['identity', 'session', 'token'] as const)(
    'a refresh while %s is silent can be repeated',
    async (part) => {
      const { refresh_token } = (await member.signIn()).json();
      pause(part);
      isOauthDown(await member.refresh(refresh_token), 'unknown');
      resume();
      const [first, again] = [await member.refresh(refresh_token), await member.refresh(refresh_token)];
      expect([first.status, again.json().refresh_token]).toEqual([200, first.json().refresh_token]);
    },
    15_000,
  );

  it('a one-time token is an ActionConfirmation of 500', async () => {
    const accessToken = await member.accessToken();
    expect((await offer(stack.url, accessToken)).status).toBe(200);
    pause('token');
    const answer = await offer(stack.url, accessToken);
    isDown(answer, 'unknown', 500);
    const { Message, ...more } = answer.json();
    expect(Message).toEqual(expect.any(String));
    expect(more).toEqual({
      WasSuccessful: false,
      Value: null,
      Status: 500,
      Errors: [{ AttemptedValue: null, Message, PropertyName: null }],
    });
  }, 15_000);

  it('an exchange is lost where session falls silent, and says so', async () => {
    const token = await member.oneTimeToken();
    pause('session');
    isOauthDown(await exchange(stack.url, { token }), 'unknown');
    resume();
    expect((await exchange(stack.url, { token })).status).toBe(401);
  }, 15_000);

  it('a landing is lost there, too, and a person reads a page', async () => {
    const t = await member.oneTimeToken();
    pause('session');
    const answer = await new Browser(stack.url).open(`/login?t=${t}`);
    isDown(answer, 'unknown');
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    resume();
    expect((await new Browser(stack.url).open(`/login?t=${t}`)).headers['location']).toMatch(/^\/login\?error=/);
  }, 15_000);

  it('without Redis nobody guesses, and nothing is spent', async () => {
    const [accessToken, token] = [await member.accessToken(), await member.oneTimeToken()];
    pause('Redis');
    isOauthDown(await member.signIn(), 'not_executed');
    isOauthDown(await exchange(stack.url, { token }), 'not_executed');
    expect((await offer(stack.url, accessToken)).json()).toMatchObject({ WasSuccessful: false, Status: 500 });
    resume();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await exchange(stack.url, { token })).status).toBe(200);
  }, 20_000);

  it('a media token is temporarily_unavailable', async () => {
    const accessToken = await member.accessToken();
    const ask = () =>
      request(`${stack.url}/api/auth/media/customer`, { headers: { authorization: `Bearer ${accessToken}` } });
    expect((await ask()).status).toBe(200);
    pause('token');
    isOauthDown(await ask(), 'unknown');
  }, 15_000);

  it('a password that has spent a second factor is in doubt, where nobody opens sessions', async () => {
    const guarded = await Member.register(admin, member.clientId);
    const { secret } = await admin.post(`clients/${member.clientId}/users/${guarded.userId}/totp`);
    const totp = new TOTP({ secret: Secret.fromBase32(secret) }).generate();
    stack.signal('session', 'SIGKILL');
    await eventually(
      () => member.signIn(),
      ({ headers }) => headers['segue-outcome'] === 'not_executed',
    );
    isOauthDown(await guarded.signIn({ totp }), 'unknown');
  }, 20_000);
});
