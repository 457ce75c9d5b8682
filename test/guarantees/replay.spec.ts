import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { Browser } from '../support/browser.js';
import { rowsOf } from '../support/database.js';
import { request } from '../support/http.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

/** All that is kept of people and of what they have open. Refusals and last uses are written down, of course. */
const kept = ['identity.users', 'identity.emails', 'identity.erased', 'session.sessions', 'session.epochs'];

describe('an old link, replayed after newer ones', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());

  const iat = Math.floor(Date.now() / 1000) - 300;
  const linkOf = (second: number, claims: object) => partner.link({ iat: iat + second, exp: iat + 900, ...claims });

  it('changes nothing, whatever it says and however it comes', async () => {
    const newcomers = [];
    for (let times = 0; times < 3; times++) {
      const begun = await request(`${stack.url}/v1/anonymous`, {
        method: 'POST',
        body: { clientId: partner.clientId },
      });
      newcomers.push(begun.json());
    }
    const [first, second, unmerged] = newcomers;
    const links = [
      linkOf(1, { userId: 'kept', username: 'One', email: 'one@example.com' }),
      linkOf(2, { userId: 'kept', username: 'Two', locale: 'de' }),
      linkOf(3, { userId: 'kept', email: 'three@example.com', anonymousAccountId: first.anonymousAccountId }),
      linkOf(4, { userId: 'other', email: 'one@example.com', anonymousAccountId: second.anonymousAccountId }),
      // Two of the same second
      linkOf(5, { userId: 'kept', username: 'Five' }),
      linkOf(5, { userId: 'kept', username: 'Five more', email: 'five@example.com' }),
      linkOf(6, { userId: 'gone', username: 'Gone', email: 'gone@example.com' }),
      linkOf(7, { userId: 'halted', username: 'Halted' }),
    ];
    const open = (link: string) => new Browser(stack.url).open(link);
    for (const link of links) expect((await open(link)).headers['location']).toBe('/home');
    const idOf = async (externalId: string) =>
      (await admin.get(`clients/${partner.clientId}/users?externalId=${externalId}`)).items[0].userId;
    await admin.delete(`clients/${partner.clientId}/users/${await idOf('gone')}`);
    await admin.send('POST', `clients/${partner.clientId}/users/${await idOf('halted')}/suspend`);
    // One that was never opened, and is older than what was taken since.
    const late = linkOf(2, { userId: 'other', username: 'Late', anonymousAccountId: unmerged.anonymousAccountId });

    await sleep(1_500);
    const before = await rowsOf(stack, kept);
    for (const link of links) {
      expect((await open(link)).headers['location']).toMatch(/^\/login\?error=(invalid_token|account_suspended)/);
      const { searchParams } = new URL(link);
      const fields = { userToken: searchParams.get('userToken')!, clientId: partner.clientId };
      const browser = new Browser(stack.url);
      const parked = await browser.submit('/api/link', fields, 'cross-site');
      expect((await browser.open(parked.headers['location']!)).headers['location']).toMatch(/^\/login\?error=/);
      expect((await browser.submit('/api/link', fields)).headers['location']).toMatch(/^\/login\?error=/);
      for (const method of ['HEAD', 'OPTIONS']) await request(link, { method });
    }
    await sleep(500);
    expect(await rowsOf(stack, kept)).toEqual(before);

    // The late one signs in, for it never has, but neither its claims nor its merge count.
    expect((await open(late)).headers['location']).toBe('/home');
    const after = await rowsOf(stack, kept);
    for (const table of kept.slice(0, 3)) expect(after[table]).toEqual(before[table]);
    expect(after['session.sessions']).toHaveLength(before['session.sessions']!.length + 1);
  }, 60_000);
});
