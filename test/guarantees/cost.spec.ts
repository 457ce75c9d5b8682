import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { Browser } from '../support/browser.js';
import { tapBus } from '../support/bus.js';
import { Partner } from '../support/partner.js';
import { type SqlTap, tapSql } from '../support/sql-tap.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

describe('the cost of a sign-in by link', () => {
  let stack: Stack;
  let sql: SqlTap;
  let bus: Awaited<ReturnType<typeof tapBus>>;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack({
      viaDatabase: async (url) => {
        sql = await tapSql(url);
        return sql.url;
      },
    });
    partner = await Partner.register(new Admin(stack));
    bus = await tapBus(stack);
  }, startMs);
  afterAll(async () => {
    await bus?.close();
    await stack?.stop();
    await sql?.close();
  });

  const signIn = async (userId: string) => {
    bus.clear();
    sql.clear();
    const answer = await new Browser(stack.url).open(partner.link({ userId, username: 'Ada' }));
    // Beside the request goes on what is nobody's cost: facts are relayed and recorded, a gateway reads its revocation set.
    const asked = sql.asked.filter((name) => /^(token|identity|session)\.(?!page_?of)/i.test(name));
    return { status: answer.status, asks: [...bus.asked], asked };
  };

  it('is three asks and at most four SQL round trips, for somebody new and for somebody known', async () => {
    for (const userId of ['new', 'new', 'other']) {
      const { status, asks, asked } = await signIn(userId);
      expect(status).toBe(303);
      expect(asks).toEqual(['segue.token.verifyLink', 'segue.identity.arrive', 'segue.session.open']);
      expect(asked).toEqual(expect.arrayContaining(['identity.arrive', 'session.open']));
      expect(asked.length).toBeLessThanOrEqual(4);
    }
  });
});
