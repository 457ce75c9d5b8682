import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { Browser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { request } from '../support/http.js';
import { Partner } from '../support/partner.js';
import { type SqlTap, tapSql } from '../support/sql-tap.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

describe('without Postgres', () => {
  let stack: Stack;
  let sql: SqlTap;
  let admin: Admin;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack({
      viaDatabase: async (url) => {
        sql = await tapSql(url);
        return sql.url;
      },
    });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(async () => {
    await stack?.stop();
    await sql?.close();
  });

  it('a link says so within five seconds, burns nothing, and signs in when Postgres is back, without help', async () => {
    const link = partner.link({ userId: 'patient' });
    sql.cut();
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const began = performance.now();
      const answer = await request(link);
      expect(performance.now() - began).toBeLessThan(5_000);
      expect(answer.status).toBe(503);
      expect(answer.headers['retry-after']).toMatch(/^\d+$/);
      expect(['not_executed', 'unknown']).toContain(answer.headers['segue-outcome']);
      expect(answer.json()).toMatchObject({ status: 503, outcome: answer.headers['segue-outcome'] });
    }
    expect((await request(`${stack.ops.session}/health/ready`)).status).toBe(503);
    expect((await request(`${stack.ops.session}/health/live`)).status).toBe(200);

    sql.mend();
    const browser = new Browser(stack.url);
    await eventually(
      async () => (await browser.open(link)).status,
      (status) => status === 303,
    );
    expect(browser.cookie).not.toBe('');
    await eventually(
      async () => (await request(`${stack.ops.session}/health/ready`)).status,
      (status) => status === 200,
    );
    // What was stated before, during and after has reached the audit trail.
    expect(await admin.audit({ clientId: partner.clientId, type: 'link.accepted' })).toHaveLength(1);
  });
});
