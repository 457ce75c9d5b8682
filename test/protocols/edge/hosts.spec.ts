import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { type Answer, request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('in production, a host', () => {
  let stack: Stack;
  let admin: Admin;
  let here: Partner;
  let there: Partner;

  beforeAll(async () => {
    stack = await startStack({ production: true });
    admin = new Admin(stack);
    here = await Partner.register(admin, { hosts: ['id.here.example', 'shared.example:8443'] });
    there = await Partner.register(admin, { hosts: ['id.there.example', 'shared.example:8443'] });
  }, startMs);
  afterAll(() => stack?.stop());

  const at = (host: string, link = `${stack.url}/login`, headers: Record<string, string> = {}) =>
    request(link, { headers: { host, ...headers } });
  const signedIn = ({ status, headers }: Answer) => status === 303 && headers['location'] === '/home';

  it('is that of PUBLIC_URL, or one a client lists', async () => {
    for (const host of [new URL(stack.url).host, 'id.here.example', 'ID.there.EXAMPLE', 'shared.example:8443'])
      expect([host, (await at(host)).status]).toEqual([host, 200]);
  });

  it.each([
    'evil.example',
    'id.here.example:8080',
    'x.id.here.example',
    'shared.example',
    '%',
    'a b',
    '127.0.0.1',
    '*',
  ])('is not %s', async (host) => {
    const answer = await at(host);
    expect([answer.status, answer.json().code]).toEqual([421, 'misdirected_request']);
  });

  it('is known as long as its client is active and lists it', async () => {
    const moving = await Partner.register(admin, { hosts: ['id.moving.example'] });
    expect((await at('id.moving.example')).status).toBe(200);
    await admin.patch(`clients/${moving.clientId}`, { settings: { hosts: [] } });
    for (const until = Date.now() + 6_000; (await at('id.moving.example')).status !== 421; await sleep(100))
      expect(Date.now()).toBeLessThan(until);
  }, 15_000);

  it('takes links and cookies of the clients that list it, and of no other', async () => {
    const landed = await at('id.here.example', here.link({ userId: 'home' }));
    expect(signedIn(landed)).toBe(true);
    const cookie = landed.cookies[0]!.split(';')[0]!;
    const session = `${stack.url}/v1/session`;
    for (const host of ['id.here.example', 'shared.example:8443', new URL(stack.url).host])
      expect((await at(host, session, { cookie })).status).toBe(200);
    expect((await at('id.there.example', session, { cookie })).status).toBe(403);
    expect((await at('id.there.example', `${stack.url}/demo`, { cookie })).text).toContain('Nobody is signed in');

    const link = here.link({ userId: 'abroad' });
    const refused = await at('id.there.example', link);
    expect([refused.status, refused.cookies, refused.json().code]).toEqual([401, [], 'invalid_token']);
    expect(signedIn(await at('shared.example:8443', link))).toBe(true);
    expect(signedIn(await at('shared.example:8443', there.link({ userId: 'shared' })))).toBe(true);
  });
});
