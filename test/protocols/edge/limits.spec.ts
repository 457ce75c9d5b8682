import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('the limit of links', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  let host = 0;
  const address = () => ({ 'x-forwarded-for': `192.0.2.${++host}` });

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'link=5/1m', TRUSTED_PROXIES: '127.0.0.1' } });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());

  it('lets exactly as many pass as it says, of ten times as many at once', async () => {
    const headers = address();
    const answers = await Promise.all(Array.from({ length: 50 }, () => request(partner.link(), { headers })));
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(45);
  });

  it('is told with every answer, also with a refusal', async () => {
    const headers = address();
    const answers = [];
    for (const link of [partner.link(), partner.linkWith('nonsense'), partner.link()])
      answers.push(await request(link, { headers }));
    expect(answers.map(({ status }) => status)).toEqual([303, 401, 303]);
    expect(answers.map(({ headers: told }) => told['ratelimit-policy'])).toEqual(Array(3).fill('"link";q=5;w=60'));
    expect(answers.map(({ headers: told }) => Number(/;r=(\d+);/.exec(told['ratelimit']!)?.[1]))).toEqual([4, 3, 2]);
  });

  it('reached is a problem for programs and a page for people, and says how long to wait', async () => {
    const headers = address();
    for (let times = 0; times < 5; times++) await request(partner.link(), { headers });
    const problem = await request(partner.link(), { headers });
    expect(problem.json()).toMatchObject({ status: 429, code: 'limit_exceeded' });
    expect(Number(problem.headers['retry-after'])).toBeGreaterThan(50);
    const page = await new Browser(stack.url).open(partner.link(), { headers });
    expect([page.status, page.headers['content-type']]).toEqual([429, 'text/html; charset=utf-8']);
    expect(page.text).toContain('wait a moment');
  });

  it('counts no HEAD and no prefetch, which do nothing', async () => {
    const headers = address();
    for (let times = 0; times < 10; times++) await request(partner.link(), { method: 'HEAD', headers });
    expect((await request(partner.link(), { headers })).headers['ratelimit']).toMatch(/;r=4;/);
  });

  it('is one for every spelling of the path that reaches the route', async () => {
    const headers = address();
    const query = () => new URL(partner.link()).search;
    for (const path of ['/api/link', '/%61pi/link', '/api/lin%6b', '/api/link', '/api/link']) {
      expect((await request(`${stack.url}${path}${query()}`, { headers })).status).toBe(303);
    }
    for (const path of ['/api/link', '/%61pi/link'])
      expect((await request(`${stack.url}${path}${query()}`, { headers })).status).toBe(429);
    for (const path of ['/api/link/', '//api/link', '/API/link', '/api/link;x']) {
      expect((await request(`${stack.url}${path}${query()}`, { headers })).status).toBe(404);
    }
  });

  it('is of a whole network where the address is IPv6', async () => {
    const from = (suffix: string) => ({ 'x-forwarded-for': `2001:db8:0:1::${suffix}` });
    for (const suffix of ['1', '2', '3', 'a:b', 'ffff'])
      expect((await request(partner.link(), { headers: from(suffix) })).status).toBe(303);
    expect((await request(partner.link(), { headers: from('beef') })).status).toBe(429);
    expect((await request(partner.link(), { headers: { 'x-forwarded-for': '2001:db8:0:2::1' } })).status).toBe(303);
  });
});
