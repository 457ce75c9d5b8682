import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { Browser } from '../support/browser.js';
import { tapBus } from '../support/bus.js';
import { Partner } from '../support/partner.js';
import { Project } from '../support/project.js';
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

describe('the cost of a custom token', () => {
  let stack: Stack;
  let sql: SqlTap;
  let bus: Awaited<ReturnType<typeof tapBus>>;
  let project: Project;

  beforeAll(async () => {
    stack = await startStack({
      viaDatabase: async (url) => {
        sql = await tapSql(url);
        return sql.url;
      },
    });
    project = await Project.register(new Admin(stack));
    await project.addUser('ada');
    await project.signIn('ada');
    bus = await tapBus(stack);
  }, startMs);
  afterAll(async () => {
    await bus?.close();
    await stack?.stop();
    await sql?.close();
  });

  const costOf = async <Result>(work: () => Promise<Result>) => {
    bus.clear();
    sql.clear();
    const result = await work();
    return {
      result,
      asks: [...bus.asked],
      asked: sql.asked.filter((name) => /^(token|identity|session)\.(?!page_?of)/i.test(name)),
    };
  };

  it('is two asks to make it and two to redeem it, at most three SQL round trips each', async () => {
    for (const length of [6, 32]) {
      // What is known of a key and a client is three seconds old at most.
      await project.backend('GET', 'users/ada');
      const made = await costOf(() => project.secretOf('ada', { length }));
      expect(made.asks).toEqual(['segue.identity.get', 'segue.token.offer']);
      expect(made.asked.length).toBeLessThanOrEqual(3);

      const redeemed = await costOf(() => project.redeem('ada', made.result));
      expect(redeemed.result.status).toBe(201);
      expect(redeemed.asks).toEqual(['segue.token.claim', 'segue.session.open']);
      expect(redeemed.asked).toContain('session.open');
      expect(redeemed.asked.length).toBeLessThanOrEqual(3);
    }
  });
});
