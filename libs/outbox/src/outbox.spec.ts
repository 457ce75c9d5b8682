import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Line } from '#bus/bus.module';
import { newCall, withCall } from '#bus/call';
import { NatsServer } from '#bus/nats-server.support';
import { openSpecLine } from '#bus/replica.support';
import type { Fact, NewFact } from '#contracts/fact';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { Outbox } from './outbox.js';
import { Relay } from './relay.js';
import { createOutbox, createPartitions, dropOutbox, dropPartitions } from './table.js';

class CreateOutbox1763600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const sql of createOutbox) await runner.query(sql);
  }
  async down(runner: QueryRunner): Promise<void> {
    for (const sql of dropOutbox) await runner.query(sql);
  }
}

let scratch: ScratchStore;
let nats: NatsServer;
let outbox: Outbox;
let relays: Relay[] = [];
let line: Line & { lines: Record<string, unknown>[] };

beforeAll(async () => {
  nats = await NatsServer.start();
  line = openSpecLine(nats.url);
  await line.connection.ready;
});

beforeEach(async () => {
  scratch = await scratchStore({ entities: [], migrations: [CreateOutbox1763600000000] });
  outbox = new Outbox();
  line.lines.length = 0;
});

afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.beforeApplicationShutdown()));
  relays = [];
  await scratch.drop();
});

afterAll(async () => {
  await line.facts.close();
  line.requests.close();
  await line.connection.close();
  await nats[Symbol.asyncDispose]();
});

function startRelay(its = outbox): Relay {
  const relay = new Relay('spec', its, scratch.postgres, line.facts, line.feed, line.log);
  relay.onApplicationBootstrap();
  relays.push(relay);
  return relay;
}

/** A fact of user `user` that is recognised by its one field. */
const updated = (user: number, name: string, clientId = 'acmeacme'): NewFact => ({
  type: 'user.updated',
  clientId,
  subject: `user/${user}`,
  body: { userId: String(user), fields: [name] },
});
const nameOf = ({ body }: Fact) => (body as { fields: string[] }).fields[0]!;

const write = (...facts: NewFact[]) => scratch.postgres.transaction((tx) => outbox.write(tx, facts));
const rows = <Row>(sql: string): Promise<Row[]> => scratch.dataSource.query(sql);
const unmarked = async () =>
  (await rows<{ n: number }>('SELECT count(*)::int AS n FROM outbox WHERE published_at IS NULL'))[0]!.n;

async function until(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it never came true');
    await sleep(20);
  }
}

/** What the stream holds of this spec's facts, in its order. */
async function stored(durable = `spec_${randomUUID()}`): Promise<Fact[]> {
  const ids = new Set((await rows<{ id: string }>('SELECT id FROM outbox')).map(({ id }) => id));
  const heard: Fact[] = [];
  let last = Date.now();
  const following = line.facts.follow({
    durable,
    handle: async (facts) => {
      last = Date.now();
      heard.push(...facts.filter(({ id }) => ids.has(id)));
    },
  });
  await until(() => heard.length >= ids.size || Date.now() - last > 5000, 30_000);
  await sleep(100);
  await following.stop();
  return heard;
}

const namesByUser = (facts: readonly Fact[]) =>
  Object.fromEntries([...Map.groupBy(facts, ({ subject }) => subject)].map(([user, its]) => [user, its.map(nameOf)]));

describe('Outbox.write', () => {
  it('keeps the order and the trace, in the partition of today', async () => {
    const call = newCall(Date.now(), 1000);
    await withCall(call, () => write(updated(1, 'a'), updated(2, 'b'), updated(1, 'c')));
    const written = await rows(
      'SELECT position, client_id, type, subject, traceparent, body, published_at FROM outbox ORDER BY position',
    );
    const common = { client_id: 'acmeacme', type: 'user.updated', traceparent: call.traceparent, published_at: null };
    expect(written).toEqual([
      { ...common, position: '1', subject: 'user/1', body: { userId: '1', fields: ['a'] } },
      { ...common, position: '2', subject: 'user/2', body: { userId: '2', fields: ['b'] } },
      { ...common, position: '3', subject: 'user/1', body: { userId: '1', fields: ['c'] } },
    ]);
    const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    expect(await rows('SELECT DISTINCT tableoid::regclass::text AS partition FROM outbox')).toEqual([
      { partition: `outbox_${today}` },
    ]);
  });

  it('leaves nothing of a transaction that is rolled back', async () => {
    const work = scratch.postgres.transaction(async (tx) => {
      await outbox.write(tx, [updated(1, 'a')]);
      throw new Error('rolled back');
    });
    await expect(work).rejects.toThrow('rolled back');
    expect(await rows('SELECT id FROM outbox')).toEqual([]);
  });
});

describe('the relay', () => {
  it('publishes a fact as it was written and marks it', async () => {
    startRelay();
    await write(updated(1, 'a'));
    await until(async () => (await unmarked()) === 0);
    const [row] = await rows<{ id: string; at: Date }>('SELECT id, at FROM outbox');
    expect(await stored()).toEqual([{ ...updated(1, 'a'), id: row!.id, at: row!.at.toISOString(), traceparent: null }]);
  });

  it('does not wait for its next look when it is kicked', async () => {
    startRelay();
    const waits: number[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await sleep(100);
      await write(updated(1, name));
      outbox.kick();
      const begun = performance.now();
      await until(async () => (await unmarked()) === 0);
      waits.push(performance.now() - begun);
    }
    // The shortest: the machine may be busy with other specs.
    expect(Math.min(...waits)).toBeLessThan(150);
  });

  it('finds within a second what nobody kicked it for', async () => {
    startRelay();
    await sleep(100);
    await write(updated(1, 'a'));
    await until(async () => (await unmarked()) === 0, 3000);
  });

  it('carries on in the order of each aggregate, whatever is written meanwhile', async () => {
    startRelay();
    const users = Array.from({ length: 8 }, (_, user) => user);
    const names = Array.from({ length: 60 }, (_, n) => `${n}`);
    await Promise.all(
      users.map(async (user) => {
        for (const name of names) {
          await write(updated(user, name));
          outbox.kick();
        }
      }),
    );
    await until(async () => (await unmarked()) === 0);
    expect(namesByUser(await stored())).toEqual(Object.fromEntries(users.map((user) => [`user/${user}`, names])));
  });

  it('states every second how far it has published, after the facts of that time', async () => {
    const heard: (string | number)[] = [];
    const listening = line.feed.listen({
      types: ['user.updated'],
      fact: (fact) => heard.push(nameOf(fact)),
      beat: (_service, publishedUpTo) => heard.push(publishedUpTo),
      interrupted: (why) => heard.push(why),
    });
    await line.connection.live?.flush();
    startRelay();
    await until(() => heard.length > 0);
    const before = Date.now();
    await write(updated(1, 'a'), updated(1, 'b'));
    await until(() => heard.length >= 5, 3500);
    listening.stop();
    const facts = heard.indexOf('a');
    expect(heard.slice(facts, facts + 2)).toEqual(['a', 'b']);
    const beats = heard.filter((each) => typeof each === 'number');
    expect(beats).toEqual(beats.toSorted((a, b) => a - b));
    // The specs' Postgres has this machine's clock.
    expect(Number(heard.at(-1))).toBeGreaterThanOrEqual(before);
  });

  it('states nothing while a fact waits', async () => {
    const heard: number[] = [];
    await line.connection.live?.flush();
    startRelay();
    await sleep(300);
    await nats.kill();
    await write(updated(1, 'a'));
    outbox.kick();
    await sleep(500);
    await nats.up();
    const listening = line.feed.listen({
      types: [],
      fact: () => {},
      beat: (_service, publishedUpTo) => heard.push(publishedUpTo),
      interrupted: () => {},
    });
    await until(() => heard.length > 0);
    expect(await unmarked()).toBe(0);
    listening.stop();
  });

  it('takes more than a batch without resting', async () => {
    await write(...Array.from({ length: 2100 }, (_, n) => updated(n % 300, `${n}`)));
    startRelay();
    const begun = performance.now();
    await until(async () => (await unmarked()) === 0);
    expect(performance.now() - begun).toBeLessThan(3000);
    expect(await stored()).toHaveLength(2100);
  });

  it('clears away the dead entries it leaves in its index', async () => {
    await rows(`INSERT INTO outbox (client_id, type, subject, body)
      SELECT 'acmeacme', 'user.updated', 'user/' || n, '{"userId":"1","fields":[]}' FROM generate_series(1, 20000) n`);
    startRelay();
    await until(async () => (await unmarked()) === 0, 20_000);
    const vacuums = `SELECT vacuum_count::int AS n FROM pg_stat_user_tables
      WHERE schemaname = '${scratch.schema}' AND vacuum_count > 0 AND n_live_tup > 0`;
    await until(async () => (await rows(vacuums)).length > 0);
  }, 30_000);

  it('publishes before it ends what was written last', async () => {
    const relay = startRelay();
    await sleep(50);
    await write(updated(1, 'last'));
    await relay.beforeApplicationShutdown();
    expect(await unmarked()).toBe(0);
  });

  it('of a second replica keeps out while the first works: nothing twice, nothing out of order', async () => {
    const heard: string[] = [];
    const nc = line.connection.live!;
    const wire = nc.subscribe('segue.facts.v1.acmeacme.user.updated', {
      callback: (_, message) => void heard.push((message.json() as { fields: string[] }).fields[0]!),
    });
    const names = Array.from({ length: 1500 }, (_, n) => `${n}`);
    await write(...names.map((name) => updated(1, name)));
    for (const its of [outbox, new Outbox(), new Outbox()]) startRelay(its);
    await until(async () => (await unmarked()) === 0);
    wire.unsubscribe();
    expect(heard).toEqual(names);
  });

  it.each([
    { state: 'dead', ms: 2500, end: () => nats.kill(), begin: () => nats.up() },
    { state: 'silent', ms: 6000, end: () => nats.pause(), begin: () => nats.resume() },
  ])(
    'waits for a $state NATS without holding a transaction or filling the log, and then carries everything on',
    async ({ ms, end, begin }) => {
      startRelay();
      await end();
      await write(...Array.from({ length: 100 }, (_, n) => updated(n % 4, `${n}`)));
      outbox.kick();
      let longest = 0;
      for (const later = Date.now() + ms; Date.now() < later; await sleep(50)) {
        const [open] = await rows<{ age: number }>(
          `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float AS age FROM pg_stat_activity
         WHERE application_name = 'segue-${scratch.schema}' AND state LIKE 'idle in%'`,
        );
        longest = Math.max(longest, open!.age);
      }
      expect(await unmarked()).toBe(100);
      expect(longest).toBeLessThan(4);
      const lines = () => line.lines.filter(({ msg }) => String(msg).startsWith('facts')).map(({ msg }) => msg);
      expect(lines()).toEqual(['facts wait in the outbox']);
      await begin();
      await until(async () => (await unmarked()) === 0, 20_000);
      await until(() => lines().length === 2);
      expect(lines()).toEqual(['facts wait in the outbox', 'facts are published again']);
      const facts = namesByUser(await stored());
      for (const user of [0, 1, 2, 3]) {
        expect(facts[`user/${user}`]).toEqual(Array.from({ length: 25 }, (_, n) => `${n * 4 + user}`));
      }
    },
    60_000,
  );

  it('leaves a fact that cannot be sent, and what follows it in its aggregate, and carries on the others', async () => {
    const large = updated(1, 'x'.repeat(2_000_000));
    await write(updated(1, 'a'), large, updated(1, 'c'), updated(2, 'd'));
    startRelay();
    await until(async () => (await unmarked()) === 2);
    await write(updated(2, 'e'));
    outbox.kick();
    await until(async () => (await unmarked()) === 2);
    expect(await rows('SELECT position FROM outbox WHERE published_at IS NULL ORDER BY position')).toEqual([
      { position: '2' },
      { position: '3' },
    ]);
  });

  it('publishes again, under the same id, what it could not mark for want of its connection', async () => {
    nats.pause();
    await write(updated(1, 'a'), updated(1, 'b'));
    startRelay();
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'segue-${scratch.schema}' AND state = 'idle in transaction'`;
    await until(async () => (await rows(end)).length > 0);
    nats.resume();
    await until(async () => (await unmarked()) === 0);
    expect((await stored()).map(nameOf)).toEqual(['a', 'b']);
  }, 30_000);

  it('loses and doubles nothing when its process is killed between commit and publish', async () => {
    const committed: string[] = [];
    for (const round of [1, 2, 3]) {
      const script = fileURLToPath(new URL('./writing-process.support.js', import.meta.url));
      const child = spawn(process.execPath, [script, scratch.schema, scratch.url.reveal(), nats.url.reveal()], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exit = once(child, 'exit');
      const names = createInterface(child.stdout);
      const before = committed.length;
      names.on('line', (name) => committed.push(name));
      await until(() => committed.length > before + 100, 20_000);
      // What is under way at the kill is sent and not acknowledged.
      if (round > 1) nats.pause();
      const paused = committed.length;
      await until(() => committed.length > paused + 50);
      child.kill('SIGKILL');
      await exit;
      nats.resume();
    }
    expect(await unmarked()).toBeGreaterThan(0);

    startRelay();
    await until(async () => (await unmarked()) === 0, 20_000);
    const written = await rows<{ body: { fields: string[] } }>('SELECT body FROM outbox ORDER BY position');
    const names = written.map(({ body }) => body.fields[0]!);
    expect(committed.filter((name) => !names.includes(name))).toEqual([]);
    const inStream = await stored();
    expect(inStream.map(nameOf).toSorted()).toEqual(names.toSorted());
    for (const [user, its] of Object.entries(namesByUser(inStream))) {
      const order = await rows<{ name: string }>(
        `SELECT body->'fields'->>0 AS name FROM outbox WHERE subject = '${user}' ORDER BY position`,
      );
      expect(its).toEqual(order.map(({ name }) => name));
    }
  }, 90_000);
});

describe('partitions', () => {
  const partitions = async () =>
    (
      await rows<{ name: string }>(
        `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'outbox'::regclass ORDER BY 1`,
      )
    ).map(({ name }) => name);
  const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const nameOfDay = (ahead: number) => `outbox_${day(ahead).replaceAll('-', '')}`;
  const past = async (ahead: number) => {
    await rows(
      `CREATE TABLE ${nameOfDay(ahead)} PARTITION OF outbox FOR VALUES FROM ('${day(ahead)} 00:00Z') TO ('${day(ahead + 1)} 00:00Z')`,
    );
  };
  const insert = (at: string, publishedAt: string) =>
    rows(`INSERT INTO outbox (client_id, type, subject, at, body, published_at)
      VALUES ('acmeacme', 'user.updated', 'user/1', ${at}, '{}', ${publishedAt})`);

  it('are made for today and two days ahead, again without harm', async () => {
    const expected = [nameOfDay(0), nameOfDay(1), nameOfDay(2), 'outbox_default'];
    expect(await partitions()).toEqual(expected);
    await rows(createPartitions);
    expect(await partitions()).toEqual(expected);
  });

  it('are not needed for an insert: the default partition takes it, and keeps its day', async () => {
    await rows(`DROP TABLE ${nameOfDay(0)}`);
    await write(updated(1, 'a'));
    await rows(createPartitions);
    expect(await partitions()).toEqual([nameOfDay(1), nameOfDay(2), 'outbox_default']);
    expect(await rows('SELECT tableoid::regclass::text AS name FROM outbox')).toEqual([{ name: 'outbox_default' }]);
  });

  it('are dropped after seven days, but never with a row that is not published', async () => {
    for (const ahead of [-7, -8, -9]) await past(ahead);
    await insert(`now() - interval '7 days'`, 'now()');
    await insert(`now() - interval '8 days'`, 'now()');
    await insert(`now() - interval '9 days'`, 'now()');
    await insert(`now() - interval '9 days'`, 'NULL');
    await insert(`now() - interval '20 days'`, 'now()');
    await insert(`now() - interval '20 days'`, 'NULL');
    await rows(dropPartitions);
    expect(await partitions()).toEqual([
      nameOfDay(-9),
      nameOfDay(-7),
      nameOfDay(0),
      nameOfDay(1),
      nameOfDay(2),
      'outbox_default',
    ]);
    expect(await rows('SELECT count(*)::int AS n FROM outbox')).toEqual([{ n: 4 }]);

    startRelay();
    await until(async () => (await unmarked()) === 0);
    await rows(dropPartitions);
    expect(await partitions()).toEqual([nameOfDay(-7), nameOfDay(0), nameOfDay(1), nameOfDay(2), 'outbox_default']);
    expect(await rows('SELECT count(*)::int AS n FROM outbox')).toEqual([{ n: 1 }]);
  });

  it('are looked after by the relay when it starts', async () => {
    await past(-9);
    await rows(`DROP TABLE ${nameOfDay(2)}`);
    startRelay();
    const expected = [nameOfDay(0), nameOfDay(1), nameOfDay(2), 'outbox_default'];
    await until(async () => String(await partitions()) === String(expected));
  });
});
