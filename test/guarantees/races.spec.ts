import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import type { Bus } from '#bus/bus';
import { session } from '#contracts/session';
import { Admin } from '../support/admin.js';
import { Browser } from '../support/browser.js';
import { busOf } from '../support/bus.js';
import { eventually } from '../support/eventually.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

const attempt = { support: 'abcdefghij', address: '0123456789abcdef' };
const many = 50;

describe('with two replicas of every service behind the gateway', () => {
  let stack: Stack;
  let partner: Partner;
  let database: Client;
  let line: { bus: Bus; close(): Promise<void> };

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false });
    await Promise.all((['token', 'identity', 'session', 'audit'] as const).map((name) => stack.addReplica(name)));
    partner = await Partner.register(new Admin(stack));
    line = await busOf(stack);
    database = new Client({ connectionString: stack.postgres });
    await database.connect();
  }, startMs);
  afterAll(async () => {
    await database?.end();
    await line?.close();
    await stack?.stop();
  });

  const count = async (sql: string, ...values: unknown[]) => Number((await database.query(sql, values)).rows[0].count);
  const all = <T>(work: (index: number) => Promise<T>) =>
    Promise.all(Array.from({ length: many }, (_, at) => work(at)));

  it('one link opened by 50 browsers at once gives one session', async () => {
    const link = partner.link({ userId: 'raced' });
    const answers = await all(() => new Browser(stack.url).open(link));
    expect(answers.filter(({ cookies }) => cookies.length === 1)).toHaveLength(1);
    expect(answers.filter(({ headers }) => headers['location']?.startsWith('/login?error=invalid_token'))).toHaveLength(
      many - 1,
    );
    expect(
      await count(
        `SELECT count(*) FROM session.sessions JOIN identity.users ON user_id::text = subject WHERE external_id = 'raced'`,
      ),
    ).toBe(1);
  });

  it('50 arrivals of a new user at once make one user, and every browser is signed in as it', async () => {
    const answers = await all(() => new Browser(stack.url).open(partner.link({ userId: 'crowd' })));
    expect(answers.every(({ cookies }) => cookies.length === 1)).toBe(true);
    expect(await count(`SELECT count(*) FROM identity.users WHERE external_id = 'crowd'`)).toBe(1);
    expect(
      await count(
        `SELECT count(*) FROM session.sessions JOIN identity.users ON user_id::text = subject WHERE external_id = 'crowd'`,
      ),
    ).toBe(many);
  });

  it('50 refreshes of one token at once over the bus give one successor', async () => {
    const opened = await line.bus.ask(session.open, {
      sessionId: crypto.randomUUID(),
      clientId: partner.clientId,
      subject: crypto.randomUUID(),
      epoch: 0,
      protocol: 'client-auth',
      origin: null,
      originUntil: null,
      lifetimeSeconds: 900,
      credential: 'refresh',
      attempt,
    });
    const answers = await all(() =>
      line.bus.ask(session.refresh, { refreshToken: opened.credential, protocols: ['client-auth'], attempt }),
    );
    expect(new Set(answers.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    expect(answers.filter(({ outcome }) => outcome === 'rotated')).toHaveLength(1);
    expect(
      await count(
        `SELECT count(*) FROM session.outbox WHERE type = 'session.refreshed' AND body->>'sessionId' = $1`,
        opened.session.sessionId,
      ),
    ).toBe(1);
  });

  it('each request is executed once: one fact for each of 50 sign-ins, and one entry in the audit trail', async () => {
    const users = Array.from({ length: many }, (_, at) => `once-${at}`);
    await Promise.all(users.map((userId) => new Browser(stack.url).open(partner.link({ userId }))));
    const opened = `FROM session.outbox JOIN identity.users ON user_id::text = body->>'userId'
      WHERE external_id LIKE 'once-%' AND type = 'link.accepted'`;
    expect(await count(`SELECT count(*) ${opened}`)).toBe(many);
    const recorded = () =>
      count(`SELECT count(*) FROM audit.entries WHERE fact_id IN (SELECT session.outbox.id::text ${opened})`);
    expect(await eventually(recorded, (entries) => entries >= many)).toBe(many);
  });
});
