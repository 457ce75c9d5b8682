import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { Browser } from '../support/browser.js';
import { rowsOf } from '../support/database.js';
import { request } from '../support/http.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

const portal = 'https://portal.example.com';
const crowd = Array.from({ length: 50 }, (_, index) => index);

describe('once means once, for fifty at the same time', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'claim=1000/1m,anonymous=1000/1m' } });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());

  const whoIs = async (visitor: Browser) =>
    (await visitor.open('/v1/session', { headers: { accept: '*/*' } })).json().user;
  const newcomer = async () =>
    (await request(`${stack.url}/v1/anonymous`, { method: 'POST', body: { clientId: partner.clientId } })).json();
  const sessionsOf = async (userId: string) =>
    (await rowsOf(stack, ['session.sessions']))['session.sessions']!.filter(
      (row) => (row as { subject: string }).subject === userId,
    );

  it('a form of another site, sent fifty times, opens one session', async () => {
    const fields = { clientId: partner.clientId, userToken: partner.token({ userId: 'parked' }) };
    const answers = await Promise.all(
      crowd.map(async () => {
        const browser = new Browser(stack.url);
        const parked = await browser.submit('/api/link', fields, 'cross-site');
        return browser.open(parked.headers['location']!);
      }),
    );
    expect(answers.filter(({ headers }) => headers['location'] === '/home')).toHaveLength(1);
  });

  it('a code claimed by fifty gives one session', async () => {
    const afar = await Partner.register(admin, { landingUrl: `${portal}/start` });
    const browser = new Browser(stack.url);
    const { headers } = await browser.open(afar.link({ userId: 'claimed' }));
    const code = new URL(headers['location']!).searchParams.get('code');
    const answers = await Promise.all(
      crowd.map(() =>
        request(`${stack.url}/v1/session/claim`, { method: 'POST', body: { code }, headers: { origin: portal } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(49).fill(401)]);
    const { userId } = await whoIs(browser);
    // that of the landing, and the one claimed
    expect(await sessionsOf(userId)).toHaveLength(2);
  });

  it('a refresh token sent fifty times has one successor, and nobody is signed out', async () => {
    const afar = await Partner.register(admin, { landingUrl: `${portal}/start` });
    const { headers } = await new Browser(stack.url).open(afar.link({ userId: 'refreshed' }));
    const send = (path: string, body: object) =>
      request(`${stack.url}/v1/session/${path}`, { method: 'POST', body, headers: { origin: portal } });
    const { refreshToken } = (
      await send('claim', { code: new URL(headers['location']!).searchParams.get('code') })
    ).json();
    const answers = await Promise.all(crowd.map(() => send('refresh', { refreshToken })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const successors = new Set(answers.map((answer) => answer.json().refreshToken));
    expect(successors.size).toBe(1);
    expect((await send('refresh', { refreshToken: [...successors][0] })).status).toBe(200);
  });

  it('an anonymous account wanted by fifty users becomes one of them', async () => {
    const { anonymousAccountId, user } = await newcomer();
    const merged = await Promise.all(
      crowd.map(async (index) => {
        const browser = new Browser(stack.url);
        const answer = await browser.open(partner.link({ userId: `wants-${index}`, anonymousAccountId }));
        expect([answer.status, answer.headers['location']]).toEqual([303, '/home']);
        return whoIs(browser);
      }),
    );
    expect(new Set(merged.map(({ externalId }) => externalId)).size).toBe(50);
    expect(merged.filter(({ userId }) => userId === user.userId)).toHaveLength(1);
    const refused = await admin.audit({ clientId: partner.clientId, type: 'user.merge_refused', limit: '200' }, 49);
    expect(refused).toHaveLength(49);
  });

  it('an anonymous account wanted by fifty users there are is absorbed by one of them', async () => {
    const known = await Promise.all(
      crowd.map((index) => admin.post(`clients/${partner.clientId}/users`, { externalId: `known-${index}` })),
    );
    const { anonymousAccountId, user } = await newcomer();
    await Promise.all(
      crowd.map((index) => new Browser(stack.url).open(partner.link({ userId: `known-${index}`, anonymousAccountId }))),
    );
    const owner = await admin.get(`clients/${partner.clientId}/users/${user.userId}`);
    expect(known.map(({ userId }) => userId)).toContain(owner.userId);
    const rows = (await rowsOf(stack, ['identity.users']))['identity.users'] as Record<string, unknown>[];
    expect(rows.filter((row) => row['merged_into'] !== null && row['user_id'] === user.userId)).toHaveLength(1);
    expect(rows.find((row) => row['user_id'] === user.userId)?.['merged_into']).toBe(owner.userId);
  });

  it('an e-mail wanted by fifty users belongs to one of them', async () => {
    const users = await Promise.all(
      crowd.map(async (index) => {
        const browser = new Browser(stack.url);
        await browser.open(partner.link({ userId: `mail-${index}`, email: 'wanted@example.com' }));
        return whoIs(browser);
      }),
    );
    expect(users.filter(({ email }) => email === 'wanted@example.com')).toHaveLength(1);
    expect(users.filter(({ emailIsPlaceholder }) => emailIsPlaceholder)).toHaveLength(49);
  });
});
