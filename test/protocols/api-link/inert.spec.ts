import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('a link nobody opens', () => {
  let stack: Stack;
  let admin: Admin;
  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
  }, startMs);
  afterAll(() => stack?.stop());

  /** Everything the stack knows of a client: two facts, of its making. */
  const stateOf = async (partner: Partner) => ({
    users: (await admin.get(`clients/${partner.clientId}/users`)).items,
    secrets: (await admin.get(`clients/${partner.clientId}/link-secrets`)).items,
    audit: (await admin.audit({ clientId: partner.clientId }, 2)).map(({ id }) => id),
  });

  it.each([
    ['HEAD', 'HEAD', {}, 200],
    ['HEAD by a mail scanner', 'HEAD', { 'user-agent': 'Safe Links' }, 200],
    ['OPTIONS', 'OPTIONS', {}, 405],
    ['a form by a script', 'POST', { 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' }, 204],
    ['PUT', 'PUT', {}, 405],
    ['TRACE', 'TRACE', {}, 405],
    ['a prefetch', 'GET', { 'sec-purpose': 'prefetch', 'sec-fetch-dest': 'document' }, 204],
    ['a prerender', 'GET', { 'sec-purpose': 'prefetch;prerender' }, 204],
    ['a preview', 'GET', { purpose: 'preview' }, 204],
    ['an image', 'GET', { 'sec-fetch-dest': 'image', accept: 'image/*' }, 204],
    ['a frame', 'GET', { 'sec-fetch-dest': 'iframe', accept: 'text/html' }, 204],
    ['a script’s fetch', 'GET', { 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors' }, 204],
  ])('stays as good as it was after %s', async (_name, method, headers, status) => {
    const partner = await Partner.register(admin);
    const link = partner.link({ userId: `inert-${crypto.randomUUID()}` });
    const before = await stateOf(partner);
    const answer = await request(link, { method, headers });
    expect(answer.status).toBe(status);
    expect([answer.cookies, answer.headers['location']]).toEqual([[], undefined]);
    if (status !== 405) expect(answer.text).toBe('');
    await sleep(300);
    expect(await stateOf(partner)).toEqual(before);
    expect((await new Browser(stack.url).open(link)).headers['location']).toBe('/home');
  });
});
