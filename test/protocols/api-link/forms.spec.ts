import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('a link that comes as a form', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());

  const form = (claims: object, more: object = {}, by = partner) => ({
    clientId: by.clientId,
    userToken: by.token({ ...claims }),
    ...more,
  });
  const whoIs = async (visitor: Browser) =>
    (await visitor.open('/v1/session', { headers: { accept: '*/*' } })).json().user?.externalId;

  it('of a page of ours signs in at once', async () => {
    const browser = new Browser(stack.url);
    const answer = await browser.submit('/api/link', form({ userId: 'own' }, { callbackPath: '/x?y' }));
    expect([answer.status, answer.headers['location']]).toEqual([303, '/x?y']);
    expect(await whoIs(browser)).toBe('own');
  });

  it('of another site goes on as a GET, and tells its token to nobody', async () => {
    const browser = new Browser(stack.url);
    const fields = form({ userId: 'crossed' }, { callbackPath: '/x?y=z#w' });
    const parked = await browser.submit('/api/link', fields, 'cross-site');
    expect([parked.status, parked.cookies]).toEqual([303, []]);
    const location = parked.headers['location']!;
    expect(location).toMatch(/^\/api\/link\/continue\?h=[\w-]{22,64}&clientId=/);
    expect(JSON.stringify([parked.headers, parked.text])).not.toContain(fields.userToken.split('.')[2]);
    expect(await whoIs(browser)).toBeUndefined();

    const landed = await browser.open(location);
    expect([landed.status, landed.headers['location']]).toEqual([303, '/x?y=z#w']);
    expect(await whoIs(browser)).toBe('crossed');
  });

  it('of another site opens one session however often it goes on', async () => {
    const [first, second] = [new Browser(stack.url), new Browser(stack.url)];
    const fields = form({ userId: 'reloaded' });
    const { headers } = await first.submit('/api/link', fields, 'cross-site');
    for (let times = 0; times < 3; times++)
      expect((await first.open(headers['location']!)).headers['location']).toBe('/home');
    expect((await second.open(headers['location']!)).headers['location']).toMatch(/^\/login\?error=invalid_token/);
    // The same form once more is the same link.
    const again = await second.submit('/api/link', fields, 'cross-site');
    expect((await second.open(again.headers['location']!)).headers['location']).toMatch(/^\/login\?error=/);
    const back = await first.submit('/api/link', fields, 'cross-site');
    expect((await first.open(back.headers['location']!)).headers['location']).toBe('/home');
  });

  it('of no browser goes on as a GET, too', async () => {
    const sent = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    const parked = await request(`${stack.url}/api/link`, {
      ...sent,
      body: new URLSearchParams(form({ userId: 'curl' })).toString(),
    });
    expect(parked.status).toBe(303);
    const landed = await request(`${stack.url}${parked.headers['location']}`);
    expect([landed.status, landed.headers['location'], landed.cookies.length]).toEqual([303, '/home', 1]);
  });

  it('is refused where it goes on, at the client’s own login page', async () => {
    const own = await Partner.register(admin, { loginUrl: 'https://app.example.com/in' });
    const browser = new Browser(stack.url);
    const fields = { ...form({}, {}, own), userToken: 'nonsense' };
    const parked = await browser.submit('/api/link', fields, 'cross-site');
    const refused = await browser.open(parked.headers['location']!);
    const location = new URL(refused.headers['location']!);
    expect(location.origin).toBe('https://app.example.com');
    const [entry] = await admin.audit({ support: location.searchParams.get('support')! });
    expect(entry).toMatchObject({ reason: 'malformed', clientId: own.clientId });
  });

  it.each(['', 'x', 'x'.repeat(43)])('is not found under the handle "%s"', async (h) => {
    const query = new URLSearchParams({ h, clientId: partner.clientId });
    const answer = await request(`${stack.url}/api/link/continue?${query}`);
    expect([answer.status, answer.json().code]).toEqual([401, 'invalid_token']);
    const [entry] = await admin.audit({ support: answer.json().support });
    expect(entry).toMatchObject({ reason: 'parked_expired' });
  });

  it('belongs to the client that is named beside its handle', async () => {
    const other = await Partner.register(admin, { loginUrl: 'https://other.example.com/in' });
    const browser = new Browser(stack.url);
    const parked = await browser.submit('/api/link', form({ userId: 'named' }), 'cross-site');
    const location = parked.headers['location']!;
    const elsewhere = await browser.open(location.replace(partner.clientId, other.clientId));
    expect([elsewhere.status, elsewhere.cookies]).toEqual([303, []]);
    expect(elsewhere.headers['location']).toMatch(/^https:\/\/other\.example\.com\/in\?error=invalid_token/);
    expect((await browser.open(location)).headers['location']).toBe('/home');
  });

  it.each([
    ['JSON', { 'content-type': 'application/json' }, '{}', 415],
    ['a field twice', { 'content-type': 'application/x-www-form-urlencoded' }, 'clientId=a&clientId=b', 400],
    ['an array', { 'content-type': 'application/x-www-form-urlencoded' }, 'clientId[]=a', 400],
  ])('is none as %s', async (_name, headers, body, status) => {
    expect((await request(`${stack.url}/api/link`, { method: 'POST', headers, body })).status).toBe(status);
  });

  it('with nothing in it is refused like a link with nothing in it', async () => {
    const browser = new Browser(stack.url);
    const answer = await browser.submit('/api/link', {});
    expect(answer.headers['location']).toMatch(/^\/login\?error=invalid_token/);
  });

  it('ignores a consent another site sends along, and one in an address', async () => {
    const browser = new Browser(stack.url);
    await browser.open(partner.link({ userId: 'here' }));
    const fields = form({ userId: 'there' }, { confirmed: 'switch' });
    const parked = await browser.submit('/api/link', fields, 'cross-site');
    expect((await browser.open(`${parked.headers['location']}&confirmed=switch`)).status).toBe(200);
    expect((await browser.open(partner.link({ userId: 'third' }, { confirmed: 'switch' }))).status).toBe(200);
    expect(await whoIs(browser)).toBe('here');
  });

  it.each([
    ['HEAD', 'HEAD', {}, 200],
    ['a prefetch', 'GET', { 'sec-purpose': 'prefetch', 'sec-fetch-dest': 'document' }, 204],
    ['an image', 'GET', { 'sec-fetch-dest': 'image' }, 204],
    ['a frame', 'GET', { 'sec-fetch-dest': 'iframe' }, 204],
  ])('is as good as it was after %s', async (_name, method, headers, status) => {
    const browser = new Browser(stack.url);
    const userId = `inert-${crypto.randomUUID()}`;
    const parked = await browser.submit('/api/link', form({ userId }), 'cross-site');
    const answer = await request(`${stack.url}${parked.headers['location']}`, { method, headers });
    expect([answer.status, answer.cookies, answer.text]).toEqual([status, [], '']);
    expect((await admin.get(`clients/${partner.clientId}/users?externalId=${userId}`)).items).toEqual([]);
    expect((await browser.open(parked.headers['location']!)).headers['location']).toBe('/home');
  });
});
