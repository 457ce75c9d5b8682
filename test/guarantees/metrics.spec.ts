import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { Admin } from '../support/admin.js';
import { KeyHolder, refresh, signIn } from '../support/api-key.js';
import { Browser } from '../support/browser.js';
import { factsOf } from '../support/bus.js';
import { eventually } from '../support/eventually.js';
import { request } from '../support/http.js';
import { exchange, Member, offer } from '../support/member.js';
import { Scrape } from '../support/metrics.js';
import { Partner } from '../support/partner.js';
import { Project } from '../support/project.js';
import { type ServiceName, type Stack, startMs, startStack } from '../support/stack.js';
import { trusting } from '../support/trusting.js';

const names: readonly ServiceName[] = ['gateway', 'identity', 'token', 'session', 'audit'];
const services = names.filter((name) => name !== 'gateway');

/** What a gateway asks once in some seconds for all requests. */
const remembered = /verb=(client\.read|token\.keys|\w+\.snapshot),/;

let stack: Stack;
let admin: Admin;
let partner: Partner;

beforeAll(async () => {
  stack = await startStack({ env: { LOG_LEVEL: 'debug', LIMITS: 'anonymous=2/1m' } });
  admin = new Admin(stack);
  partner = await Partner.register(admin);
  await trusting(stack);
}, startMs);
afterAll(() => stack?.stop());

const scrape = async () => {
  const all = await Promise.all(names.map(async (name) => [name, await Scrape.of(stack, name)] as const));
  return Object.fromEntries(all) as Record<ServiceName, Scrape>;
};

/** What a walk adds to the counters: requests, asks as they were asked, asks as they were served. */
async function added(walk: () => Promise<unknown>) {
  const before = await scrape();
  await walk();
  const after = await scrape();
  const since = (name: ServiceName, metric: string) => after[name].since(before[name], metric);
  const unremembered = (counts: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(counts).filter(([labels]) => !remembered.test(labels)));
  return {
    requests: since('gateway', 'segue_http_request_duration_seconds_count'),
    asks: unremembered(since('gateway', 'segue_bus_asks_total')),
    served: unremembered(
      Object.assign({}, ...services.map((name) => since(name, 'segue_bus_served_total'))) as Record<string, number>,
    ),
    since,
  };
}

const ok = (...verbs: string[]) => Object.fromEntries(verbs.map((verb) => [`verb=${verb},outcome=ok`, 1]));
const answered = (method: string, route: string, status: string, times = 1) => ({
  [`method=${method},route=${route},status=${status}`]: times,
});

describe('a walk is counted exactly: requests, asks as asked and as served', () => {
  it('000: a link that signs in, and one that does not', async () => {
    const good = await added(() => new Browser(stack.url).open(partner.link({ userId: 'ada' })));
    expect(good.requests).toEqual(answered('GET', '/api/link', '3xx'));
    expect(good.asks).toEqual(ok('token.verifyLink', 'identity.arrive', 'session.open'));
    expect(good.served).toEqual(good.asks);

    const bad = await added(() => new Browser(stack.url).open(`${partner.link({ userId: 'ada' })}x`));
    expect(bad.requests).toEqual(answered('GET', '/api/link', '3xx'));
    expect(bad.asks).toEqual({ 'verb=token.verifyLink,outcome=link.refused': 1 });
    expect(bad.served).toEqual(bad.asks);
  });

  it('001: a short-lived token', async () => {
    const holder = await KeyHolder.register(admin, { features: { shortLivedToken: true } });
    const { key } = await holder.newKey(['tokens.issue']);
    const { requests, asks, served } = await added(() =>
      request(`${stack.url}/api/clients/jwt/token`, { headers: { apikey: key } }),
    );
    expect(requests).toEqual(answered('GET', '/api/clients/jwt/token', '2xx'));
    expect(asks).toEqual(ok('token.authenticate', 'token.sign'));
    expect(served).toEqual(asks);
  });

  it('002: signing in and going on, by TRACE too', async () => {
    const holder = await KeyHolder.register(admin);
    const { key } = await holder.newKey([]);
    const { requests, asks, served } = await added(async () => {
      const first = (await signIn(stack.url, key)).json().refresh_token;
      const second = (await refresh(stack.url, first)).json().refresh_token;
      await request(`${stack.url}/v1/auth`, { method: 'TRACE', headers: { authorization: `Bearer ${second}` } });
    });
    expect(requests).toEqual({
      ...answered('POST', '/v1/auth', '2xx'),
      ...answered('POST', '/v1/auth/refresh', '2xx'),
      ...answered('TRACE', '/v1/auth/refresh', '2xx'),
    });
    expect(asks).toEqual({
      ...ok('token.authenticate', 'session.open'),
      'verb=token.sign,outcome=ok': 3,
      'verb=session.refresh,outcome=ok': 2,
    });
    expect(served).toEqual(asks);
  });

  it('003: a short secret that is guessed at, then told; evaluated guesses are counted', async () => {
    const project = await Project.register(admin);
    await project.addUser('ada');
    const { requests, asks, served, since } = await added(async () => {
      const secret = await project.secretOf('ada', { length: 6 });
      const wrong = secret === '000000' ? '000001' : '000000';
      for (const guess of [wrong, wrong, secret]) await project.redeem('ada', guess);
      await project.redeem('nobody', wrong);
    });
    expect(requests).toEqual({
      ...answered('POST', '/v1/users/:userId/tokens', '2xx'),
      ...answered('POST', '/v1/account/sessions/token', '2xx'),
      ...answered('POST', '/v1/account/sessions/token', '4xx', 3),
    });
    expect(asks).toMatchObject({
      ...ok('identity.get', 'token.offer', 'token.claim', 'session.open'),
      'verb=token.claim,outcome=code.refused': 3,
    });
    expect(served).toEqual(asks);
    expect(since('token', 'segue_short_secret_guesses_total')).toEqual({ 'outcome=evaluated': 3, 'outcome=none': 1 });
  });

  it('004: a password, a wrong one, a one-time token and its exchange', async () => {
    const member = await Member.register(admin, partner.clientId);
    const { requests, asks, served } = await added(async () => {
      await member.signIn({ password: 'not it' });
      const token = (await offer(stack.url, await member.accessToken())).json().Value;
      await exchange(stack.url, { token });
    });
    expect(requests).toEqual({
      ...answered('POST', '/api/token', '2xx'),
      ...answered('POST', '/api/token', '4xx'),
      ...answered('POST', '/api/sys/users/token/refresh', '2xx'),
      ...answered('POST', '/api/sys/users/exchange', '2xx'),
    });
    expect(asks).toEqual({
      ...ok('identity.checkPassword', 'token.offer', 'token.claim'),
      'verb=identity.checkPassword,outcome=password.refused': 1,
      'verb=session.open,outcome=ok': 2,
      'verb=token.sign,outcome=ok': 2,
    });
    expect(served).toEqual(asks);
  });

  it('what no route answers, and what a limit refuses', async () => {
    const { requests, since } = await added(async () => {
      await request(`${stack.url}/no/such/canary-path`);
      await request(`${stack.url}/api/link`, { method: 'PROPFIND' });
      await request(`${stack.url}/api/link`, { method: 'DELETE' });
      await request(`${stack.url}/api/%zz`);
      for (let n = 0; n < 3; n++) {
        const path = `${stack.url}/v1/anonymous?clientId=${partner.clientId}`;
        await request(path, { method: 'POST', body: { clientId: partner.clientId } });
      }
    });
    expect(requests).toMatchObject({
      ...answered('GET', 'unknown', '4xx'),
      ...answered('other', '/api/link', '4xx', 2),
    });
    expect(since('gateway', 'segue_http_unreadable_total')).toEqual({ 'status=400': 1 });
    expect(since('gateway', 'segue_limit_refusals_total')).toEqual({ 'limit=anonymous': 1 });
  });

  it('facts and refusals, once they are published', async () => {
    const published = async () =>
      Object.assign(
        {},
        ...(await Promise.all(
          services.map(async (name) => (await Scrape.of(stack, name)).series('segue_refusals_total')),
        )),
      );
    const counts = await eventually(published, (counts) => counts['type=password.refused,reason=wrong'] === 1);
    expect(counts).toMatchObject({ 'type=token.claim_failed,reason=wrong': 3 });
    // One each of 000, 002 and 003, two of 004, two anonymous ones.
    await eventually(
      async () => (await Scrape.of(stack, 'session')).value('segue_facts_published_total', 'type=session.opened'),
      (count) => count === 7,
    );
  });
});

describe('the trace of one sign-in', () => {
  const traceId = randomBytes(16).toString('hex');
  const linesOf = (name: ServiceName) =>
    readFileSync(join(stack.logs, `${name}.log`), 'utf8')
      .split('\n')
      .filter((line) => line.includes(traceId))
      .map((line) => JSON.parse(line));

  it('is in the answer, in every log, on every fact and in the audit trail', async () => {
    const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
    const link = partner.link({ userId: 'traced' });
    const answer = await new Browser(stack.url).open(link, { headers: { traceparent } });
    expect(answer.status).toBe(303);
    expect(answer.headers['traceparent']).toContain(traceId);

    const entries = await admin.audit({ traceId }, 3);
    expect(entries.map(({ type }) => type).sort()).toEqual(['link.accepted', 'session.opened', 'user.created']);
    expect(new Set(entries.map((entry) => entry.traceId))).toEqual(new Set([traceId]));

    for (const name of names) expect([name, linesOf(name).length > 0]).toEqual([name, true]);
    for (const name of names) expect(new Set(linesOf(name).map(({ trace }) => trace))).toEqual(new Set([traceId]));
    expect(
      linesOf('audit')
        .map(({ type }) => type)
        .sort(),
    ).toEqual(entries.map(({ type }) => type).sort());

    const facts = (await factsOf(stack)).filter((fact) => fact.includes(traceId));
    expect(facts.length).toBe(3);
    for (const fact of facts) expect(fact).toContain(`ce-traceparent: ${traceparent}`);

    const database = new Client({ connectionString: stack.postgres });
    await database.connect();
    const { rows } = await database.query('SELECT traceparent FROM session.outbox WHERE traceparent = $1', [
      traceparent,
    ]);
    await database.end();
    expect(rows.length).toBeGreaterThan(0);
  });

  it('leads to one line for the answer, which says the route and nothing else of the address', () => {
    const lines = linesOf('gateway').filter(({ msg }) => msg === 'answered');
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        service: 'gateway',
        msg: 'answered',
        method: 'GET',
        route: '/api/link',
        status: 303,
        ms: expect.any(Number),
        trace: traceId,
      },
    ]);
  });
});

describe('the metrics of every process', () => {
  it('hold no secret, no id of anybody, no address and nothing that a caller chose', async () => {
    const canary = `canary${randomBytes(6).toString('hex')}`;
    const member = await Member.register(admin, partner.clientId, { externalId: canary });
    const { access_token: bearer, refresh_token: refreshToken } = (await member.signIn({ client_id: canary })).json();
    const link = partner.link({ userId: canary, username: canary });
    await new Browser(stack.url).open(`${link}&${canary}=1`);
    await request(`${stack.url}/${canary}/${canary}`, { method: 'PUT', headers: { [canary]: canary } });
    await request(`${stack.url}/v1/admin/clients/${canary}`, { headers: { authorization: `Bearer ${canary}` } });
    await admin.audit({ userId: member.userId });

    const found = [
      ...[canary, bearer, refreshToken, member.password, member.email, member.userId],
      ...[partner.clientId, partner.secret, stack.adminKey, ...Object.values(stack.secrets)],
      ...['127.0.0.1', '::1', 'segue_'.concat('rt_'), 'segue_'.concat('ott_')],
    ];
    for (const [name, { text }] of Object.entries(await scrape())) {
      expect(text.length).toBeGreaterThan(1_000);
      expect([name, found.filter((each) => text.includes(each))]).toEqual([name, []]);
    }
  });

  it('are not on the public port', async () => {
    expect((await request(`${stack.url}/metrics`)).status).toBe(404);
  });

  it('show the process, its pool and its consumers at rest', async () => {
    const { gateway, session, audit } = await eventually(scrape, ({ audit, session }) => {
      return [audit, session].every((each) =>
        Object.values(each.series('segue_consumer_pending')).every((n) => n === 0),
      );
    });
    for (const each of [gateway, session, audit]) {
      expect(each.value('process_cpu_seconds_total')).toBeGreaterThan(0);
      expect(each.value('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
      expect(each.value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
      expect(each.value('segue_nats_connected')).toBe(1);
    }
    expect(Object.keys(audit.series('segue_consumer_pending'))).toEqual(['durable=audit']);
    expect(session.value('segue_postgres_connections', 'schema=session,state=idle')).toBeGreaterThan(0);
    expect(session.value('segue_postgres_waiting', 'schema=session')).toBe(0);
    expect(session.value('segue_postgres_breaker_open', 'schema=session')).toBe(0);
    expect(gateway.value('segue_revocation_feed_trusted')).toBe(1);
    expect(gateway.value('segue_revocations')).toBeGreaterThanOrEqual(0);
  });
});

describe('an outage', () => {
  const gateway = () => Scrape.of(stack, 'gateway');
  const session = () => Scrape.of(stack, 'session');
  const withDatabase = async <Result>(work: (database: Client) => Promise<Result>) => {
    const database = new Client({ connectionString: stack.postgres });
    await database.connect();
    try {
      return await work(database);
    } finally {
      await database.end();
    }
  };

  it('of NATS shows in the age of the feed and in the outbox, and is over when it is over', async () => {
    expect((await session()).series('segue_outbox_waiting')).toEqual({ 'outbox=session': 0 });
    stack.signal('NATS', 'SIGSTOP');
    try {
      await withDatabase((database) =>
        database.query(
          `INSERT INTO session.outbox (client_id, type, subject, body)
           VALUES ($1, 'session.closed', 'session/of-a-spec', '{"sessionId":"s","userId":"u","protocol":"api-link","reason":"admin"}')`,
          [partner.clientId],
        ),
      );
      const during = await eventually(gateway, (each) => each.value('segue_revocation_feed_trusted') === 0, 15_000);
      for (const owner of ['identity', 'token', 'session'])
        expect(during.value('segue_revocation_feed_age_seconds', `owner=${owner}`)).toBeGreaterThan(2);
      expect(during.value('segue_revocations')).toBeUndefined();
      const waiting = await session();
      expect(waiting.value('segue_outbox_waiting', 'outbox=session')).toBe(1);
      expect(waiting.value('segue_outbox_oldest_seconds', 'outbox=session')).toBeGreaterThan(2);
    } finally {
      stack.signal('NATS', 'SIGCONT');
    }
    await eventually(session, (each) => each.value('segue_outbox_waiting', 'outbox=session') === 0, 20_000);
    expect((await session()).value('segue_outbox_oldest_seconds', 'outbox=session')).toBe(0);
    const after = await eventually(gateway, (each) => each.value('segue_revocation_feed_trusted') === 1, 30_000);
    expect(after.value('segue_revocation_feed_age_seconds', 'owner=session')).toBeLessThan(4);
  }, 60_000);

  it('of a store shows in what its consumer has yet to handle', async () => {
    const pending = async () => (await Scrape.of(stack, 'audit')).value('segue_consumer_pending', 'durable=audit') ?? 0;
    await eventually(pending, (count) => count === 0);
    await withDatabase(async (database) => {
      await database.query('BEGIN');
      await database.query('LOCK TABLE audit.entries IN ACCESS EXCLUSIVE MODE');
      await new Browser(stack.url).open(partner.link({ userId: 'unrecorded' }));
      await eventually(pending, (count) => count >= 3);
      await database.query('ROLLBACK');
    });
    await eventually(pending, (count) => count === 0, 20_000);
  }, 60_000);

  it('of a service shows in what asking it comes to', async () => {
    const before = await gateway();
    stack.signal('session', 'SIGSTOP');
    const { status } = await new Browser(stack.url).open(partner.link({ userId: 'ada' }));
    stack.signal('session', 'SIGCONT');
    expect(status).toBe(503);
    const after = await gateway();
    expect(after.since(before, 'segue_bus_asks_total')).toMatchObject({
      'verb=session.open,outcome=service.silent': 1,
    });
    expect(after.since(before, 'segue_http_request_duration_seconds_count')).toEqual(
      answered('GET', '/api/link', '5xx'),
    );
    await eventually(
      session,
      (each) => (each.value('segue_bus_served_total', 'verb=session.open,outcome=late') ?? 0) > 0,
    );
  });
});
