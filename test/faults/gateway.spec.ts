import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { Browser } from '../support/browser.js';
import { type Answer, request } from '../support/http.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

describe('the gateway without', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  const paused = new Set<Parameters<Stack['signal']>[0]>();

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false, env: { LIMITS: 'link=20/1m', TRUSTED_PROXIES: '127.0.0.1' } });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());
  afterEach(() => {
    for (const name of paused) stack.signal(name, 'SIGCONT');
    paused.clear();
  });

  const pause = (name: Parameters<Stack['signal']>[0]) => {
    stack.signal(name, 'SIGSTOP');
    paused.add(name);
  };
  const resume = (name: Parameters<Stack['signal']>[0]) => {
    stack.signal(name, 'SIGCONT');
    paused.delete(name);
  };
  let host = 0;
  const address = () => ({ 'x-forwarded-for': `192.0.2.${++host}` });
  const signIn = () => request(partner.link({ userId: `u${host}` }), { headers: address() });

  const timed = async (ask: () => Promise<Answer>) => {
    const began = performance.now();
    const answer = await ask();
    return { answer, took: performance.now() - began };
  };
  const eventually = async (status: number, ask: () => Promise<Answer>, withinMs: number) => {
    const until = performance.now() + withinMs;
    for (;;) {
      const answer = await ask();
      if (answer.status === status) return;
      if (performance.now() > until) throw new Error(`still ${answer.status}, not ${status}: ${answer.text}`);
      await sleep(100);
    }
  };

  it('Redis that answers signs in all the same, and counts by itself', async () => {
    pause('Redis');
    const { answer, took } = await timed(signIn);
    expect(answer.status).toBe(303);
    expect(took).toBeLessThan(2_000);

    const headers = address();
    const answers = await Promise.all(Array.from({ length: 60 }, () => request(partner.link(), { headers })));
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(20);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(40);

    const guess = await request(`${stack.url}/v1/admin/clients`, {
      headers: { ...address(), authorization: 'Bearer guess' },
    });
    expect([guess.status, guess.headers['segue-outcome']]).toEqual([503, 'not_executed']);
    expect((await admin.send('GET', 'clients')).status).toBe(200);

    resume('Redis');
    const wrong = () =>
      request(`${stack.url}/v1/admin/clients`, { headers: { ...address(), authorization: 'Bearer guess' } });
    await eventually(401, wrong, 5_000);
  }, 20_000);

  it('a service that answers says so within five seconds, and works again when it is back', async () => {
    pause('session');
    const link = partner.link({ userId: 'patient' });
    const { answer, took } = await timed(() => request(link, { headers: address() }));
    expect(took).toBeLessThan(5_000);
    expect([answer.status, answer.headers['segue-outcome'], answer.cookies]).toEqual([503, 'unknown', []]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.json()).toMatchObject({ status: 503, code: 'service_silent', outcome: 'unknown' });
    resume('session');
    await eventually(303, signIn, 5_000);
  }, 20_000);

  it('NATS says so within five seconds, to a person in plain words, and works again when it is back', async () => {
    pause('NATS');
    const { answer, took } = await timed(() => new Browser(stack.url).open(partner.link(), { headers: address() }));
    expect(took).toBeLessThan(5_000);
    expect([answer.status, answer.headers['content-type'], answer.cookies]).toEqual([
      503,
      'text/html; charset=utf-8',
      [],
    ]);
    expect(answer.text).toContain('wait a moment');
    expect(answer.text).not.toMatch(/NATS|service\./);
    resume('NATS');
    await eventually(303, signIn, 15_000);
  }, 30_000);

  it('a service at all says that nothing happened, at once', async () => {
    stack.signal('identity', 'SIGKILL');
    await sleep(500);
    const link = partner.link({ userId: 'early' });
    const { answer, took } = await timed(() => request(link, { headers: address() }));
    expect(took).toBeLessThan(1_000);
    expect([answer.status, answer.headers['segue-outcome']]).toEqual([503, 'not_executed']);
    expect(answer.json().code).toBe('service_unavailable');
  }, 20_000);
});
