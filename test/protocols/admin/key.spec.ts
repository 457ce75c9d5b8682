import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { request } from '../../support/http.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('the admin key', () => {
  let stack: Stack;
  let admin: Admin;

  beforeAll(async () => {
    stack = await startStack({ env: { TRUSTED_PROXIES: '127.0.0.1' } });
    admin = new Admin(stack);
  }, startMs);
  afterAll(() => stack?.stop());

  let host = 0;
  /** Somebody from an address of his own, behind the proxy we trust. */
  const somebody = () => {
    const address = `192.0.2.${++host}`;
    return (authorization?: string, path = '/v1/admin/clients') =>
      request(`${stack.url}${path}`, {
        headers: { 'x-forwarded-for': address, ...(authorization && { authorization }) },
      });
  };

  it('opens every admin route, and nothing else does', async () => {
    const ask = somebody();
    expect((await ask(`Bearer ${stack.adminKey}`)).status).toBe(200);
    for (const wrong of [
      undefined,
      'Bearer',
      'Bearer x',
      `Basic ${stack.adminKey}`,
      `Bearer ${stack.adminKey}x`,
      stack.adminKey,
    ]) {
      const answer = await ask(wrong);
      expect([answer.status, answer.json().code, answer.headers['www-authenticate']]).toEqual([
        401,
        'admin_refused',
        'Bearer',
      ]);
    }
  });

  it('is asked for in every spelling of a path that reaches a route', async () => {
    for (const path of [
      '/v1/admin/clients/',
      '/v1//admin/clients',
      '//v1/admin/clients',
      '/v1/%61dmin/clients',
      '/v1/admin/clients;x',
      '/V1/admin/clients',
      '/v1/./admin/clients',
      '/v1/admin/%2e/clients',
      '/v1/admin/clients?x',
      '/v1/admin%2fclients',
      '/x/../v1/admin/clients',
      '/v1/admin/clients%20',
    ]) {
      expect([401, 404]).toContain((await somebody()(undefined, path)).status);
    }
  });

  it('guessed more than ten times a minute is not judged any more, from that address', async () => {
    const guess = somebody();
    const answers = [];
    for (let times = 0; times < 15; times++) answers.push(await guess('Bearer guess'));
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), ...Array(5).fill(429)]);
    expect(answers[3]!.headers).toMatchObject({ 'ratelimit-policy': '"admin";q=10;w=60' });
    expect(answers[3]!.headers['ratelimit']).toMatch(/^"admin";r=6;t=(60|59|58)$/);
    expect(Number(answers[14]!.headers['retry-after'])).toBeGreaterThan(50);
    expect(answers[14]!.json()).toMatchObject({ status: 429, code: 'limit_exceeded' });

    expect((await guess(`Bearer ${stack.adminKey}`)).status).toBe(200);
    expect((await somebody()('Bearer guess')).status).toBe(401);
  });

  it('guessed in parallel is judged exactly ten times', async () => {
    const guess = somebody();
    const answers = await Promise.all(Array.from({ length: 100 }, () => guess('Bearer guess')));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(90);
  });

  it('that was wrong stands in the audit trail, counted, without the address', async () => {
    const guess = somebody();
    for (let times = 0; times < 12; times++) await guess('Bearer guess', '/v1/admin/signing-keys');
    const entries = await admin.audit({ clientId: '_', type: 'request.denied' });
    for (const reason of ['admin.refused', 'limit.exceeded']) {
      const counts = async () => {
        const items = await admin.audit({ clientId: '_', type: 'request.denied', limit: '200' });
        return items
          .filter(({ body }) => body.route === 'GET /v1/admin/signing-keys' && body.reason === reason)
          .reduce((sum, { body }) => sum + body.count, 0);
      };
      const due = reason === 'admin.refused' ? 10 : 2;
      for (let waits = 0; waits < 60 && (await counts()) < due; waits++)
        await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await counts()).toBe(due);
    }
    expect(JSON.stringify(entries)).not.toContain('192.0.2.');
  });

  it('does not count for an address somebody only claims', async () => {
    const spoofed = (claimed: string) =>
      request(`${stack.url}/v1/admin/clients`, {
        headers: { 'x-forwarded-for': `${claimed}, 198.51.100.7`, authorization: 'Bearer guess' },
      });
    const answers = [];
    for (let times = 0; times < 12; times++) answers.push((await spoofed(`203.0.113.${times}`)).status);
    expect(answers).toEqual([...Array(10).fill(401), 429, 429]);
  });
});
