import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultLimits } from '../../apps/gateway/src/http/limits.js';
import { Admin } from '../support/admin.js';
import { type Door, doorsOf } from '../support/doors.js';
import { eventually } from '../support/eventually.js';
import { request } from '../support/http.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';
import { trusting } from '../support/trusting.js';
import { type Kind, Wallet } from '../support/wallet.js';

/** What only this form has; the protocols' own specs run on it as well (jest.config.mjs). */
describe('the five services as one process', () => {
  let stack: Stack;
  let admin: Admin;
  let wallet: Wallet;
  let doors: Door[];

  beforeAll(async () => {
    const LIMITS = Object.keys(defaultLimits)
      .map((name) => `${name}=100000/1m`)
      .join(',');
    stack = await startStack({ oneProcess: true, env: { LIMITS } });
    admin = new Admin(stack);
    wallet = await Wallet.fill(stack, 'mine');
    const other = { externalId: 'other', email: 'other@example.com', password: 'nobody guesses this one' };
    await admin.post(`clients/${wallet.clientId}/users`, other);
    doors = doorsOf(stack.url, wallet, other);
    await trusting(stack);
  }, startMs);
  afterAll(() => stack?.stop());
  afterEach(() => stack.signal('NATS', 'SIGCONT'));

  const ready = async () => {
    const { status, text } = await request(`${stack.ops.gateway}/health/ready`);
    return { status, details: JSON.parse(text).details };
  };
  const logged = () =>
    readFileSync(stack.logOf('gateway'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const opensOf = async (kind: Kind, times: number) => {
    const door = doors.find(({ accepts }) => accepts.includes(kind)) as Door;
    await door.prepare();
    const text = await wallet.fresh[kind]();
    const answers = await Promise.all(Array.from({ length: times }, () => door.present(text)));
    const accepted = await Promise.all(answers.map((answer) => door.accepted(answer, text)));
    return accepted.filter(Boolean).length;
  };

  it('is ready when every part of every service is', async () => {
    const { status, details } = await ready();
    expect(status).toBe(200);
    const services = ['gateway', 'identity', 'token', 'session', 'audit'];
    const stores = services.slice(1).map((name) => `${name}.postgres`);
    const parts = ['process', 'nats', 'gateway.revocations', ...services.map((name) => `${name}.process`), ...stores];
    expect(Object.keys(details).sort()).toEqual(parts.sort());
  });

  it('opens every door of every protocol to every credential that is its own', async () => {
    const shut: string[] = [];
    for (const door of doors)
      for (const kind of door.accepts) {
        await door.prepare();
        const text = await wallet.fresh[kind]();
        const answer = await door.present(text);
        if (!(await door.accepted(answer, text))) shut.push(`${kind} at ${door.name}: ${answer.status} ${answer.text}`);
      }
    expect(shut).toEqual([]);
  }, 120_000);

  it.each<Kind>(['link', 'landing code', 'custom token', 'one-time token'])(
    'takes a %s once, of 50 at once',
    async (kind) => {
      expect(await opensOf(kind, 50)).toBe(1);
    },
  );

  it('answers the faults a service declares, and shows none of its own', async () => {
    const { clientId } = wallet;
    const link = await request(wallet.partner.linkWith('not a token'));
    expect([link.status, link.text]).toEqual([401, expect.stringContaining('invalid_token')]);
    expect((await admin.send('GET', `clients/${clientId}/users/nobody`)).status).toBe(404);
    expect((await admin.send('POST', `clients/${clientId}/users`, { body: { email: 7 } })).status).toBe(400);
    expect(logged().filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('records every fact, and its chain holds', async () => {
    const entries = await admin.audit({ clientId: wallet.clientId, type: 'session.opened' });
    expect(entries.length).toBeGreaterThan(0);
    expect(await admin.get(`audit/verify?clientId=${wallet.clientId}`)).toMatchObject({ ok: true });
  });

  it('goes on while NATS hangs; the facts wait, and come', async () => {
    const partner = await Partner.register(admin);
    stack.signal('NATS', 'SIGSTOP');
    expect((await request(partner.link())).status).toBe(303);
    const opened = await Promise.all(
      (['password', 'one-time token', 'private key'] as const).map((kind) => opensOf(kind, 1)),
    );
    expect(opened).toEqual([1, 1, 1]);
    const { status, details } = await ready();
    expect([status, details.nats.status]).toEqual([503, 'down']);
    stack.signal('NATS', 'SIGCONT');
    await admin.audit({ clientId: partner.clientId, type: 'session.opened' });
    await eventually(ready, (now) => now.status === 200);
  }, 60_000);

  it('finishes what it has in hand when it is told to stop, the gateway first', async () => {
    const form = new URLSearchParams({
      grant_type: 'password',
      username: Wallet.email,
      password: await wallet.fresh.password(),
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-client-id': wallet.clientId };
    const inHand = [1, 2, 3].map(() =>
      request(`${stack.url}/api/token`, { method: 'POST', headers, body: form.toString() }),
    );
    await sleep(20);
    stack.signal('gateway', 'SIGTERM');
    expect((await Promise.all(inHand)).map(({ status }) => status)).toEqual([200, 200, 200]);
    await eventually(
      async () => logged().at(-1),
      ({ msg }) => msg === 'stopped',
    );
    expect(logged().filter(({ level }) => level === 'error')).toEqual([]);
  });
});
