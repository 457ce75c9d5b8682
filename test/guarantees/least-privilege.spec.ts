import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, type NatsConnection, PermissionViolationError } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { type FactType, facts } from '#contracts/fact';
import { createPartitions, dropPartitions } from '#outbox/table';
import { Admin } from '../support/admin.js';
import { eventually } from '../support/eventually.js';
import { request } from '../support/http.js';
import { asOptions } from '../support/nats.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

/** Subjects of verbs, types of facts, durable consumers (`tools/docs/who-may.mjs`). */
interface May {
  readonly serves: readonly string[];
  readonly asks: readonly string[];
  readonly states: readonly FactType[];
  readonly hears: readonly FactType[];
  readonly follows: readonly { readonly durable: string; readonly filter: string }[];
  readonly beats: boolean;
  readonly hearsBeats: boolean;
}

const services = ['gateway', 'identity', 'token', 'session', 'audit'] as const;
type Service = (typeof services)[number];

const fact = (type: string) => `segue.facts.v1.acme0001.${type}`;

describe('under least privilege', () => {
  let stack: Stack;
  let may: Readonly<Record<Service, May>>;

  beforeAll(async () => {
    stack = await startStack();
    const tool = (name: string) => import(pathToFileURL(join(import.meta.dirname, '../../../tools', name)).href);
    may = await (await tool('docs/who-may.mjs')).whoMay();
    // Every release migrates, and whatever held before holds after it.
    await (await tool('migrate.mjs')).migrate(stack.postgres, stack.secrets);
  }, startMs);
  afterAll(() => stack?.stop());

  it('a user signs in, every fact of it is recorded, and nothing is refused', async () => {
    const admin = new Admin(stack);
    const partner = await Partner.register(admin);
    const landed = await request(partner.link({ userId: 'ada' }));
    expect(landed.status).toBe(303);
    const recorded = ['client.created', 'link.accepted', 'session.opened', 'user.created'];
    await eventually(
      () => admin.audit({ clientId: partner.clientId }),
      (entries) => recorded.every((type) => entries.some((entry) => entry.type === type)),
    );
    for (const service of services) {
      const log = readFileSync(join(stack.logs, `${service}.log`), 'utf8');
      expect(log).not.toMatch(/NATS refuses|NOPERM|permission denied|must be owner|Permissions Violation/);
    }
  });

  describe.each(services)('%s at NATS', (service) => {
    it('publishes its own subjects and no other', async () => {
      const { asks, states, beats, follows, serves } = may[service];
      const all = publishable(may);
      const askers = services.filter((each) => may[each].asks.some((subject) => serves.includes(subject)));
      const own = [
        ...asks,
        ...states.map(fact),
        ...(beats ? [`segue.beat.${service}`] : []),
        ...askers.map((asker) => `_INBOX_${asker}.x.1`),
        '$JS.API.STREAM.CREATE.FACTS',
        ...(follows.length > 0 ? ['$JS.API.STREAM.INFO.FACTS'] : []),
        ...follows.flatMap(({ durable, filter }) => [
          ...all.filter(matches(`$JS.API.CONSUMER.CREATE.FACTS.${durable}.segue.facts.v1.${filter}`)),
          `$JS.API.CONSUMER.INFO.FACTS.${durable}`,
          `$JS.API.CONSUMER.MSG.NEXT.FACTS.${durable}`,
          `$JS.ACK.FACTS.${durable}.1.1.1.1.0`,
        ]),
      ];
      expect(all).toEqual(expect.arrayContaining(own));
      expect(await published(stack.natsAs(service), all)).toEqual(all.filter((subject) => own.includes(subject)));
    });

    it('subscribes its own verbs as one of its replicas, what it hears, its own inboxes, and nothing else', async () => {
      const { serves, hears, hearsBeats } = may[service];
      const all = subscribable(may);
      const own = [
        ...serves.map((subject) => `${subject} ${service}`),
        ...hears.map((type) => `segue.facts.v1.*.${type}`),
        ...hears.map(fact),
        `_INBOX_${service}.>`,
        ...(hearsBeats ? ['segue.beat.*'] : []),
      ];
      expect(await subscribed(stack.natsAs(service), all)).toEqual(all.filter((subject) => own.includes(subject)));
    });
  });

  it('the reader of facts publishes nothing but what its own consumers need, and hears nothing but its inboxes', async () => {
    const durables = services.flatMap((service) => may[service].follows.map(({ durable }) => durable));
    const told = await published(stack.natsAs('reader'), publishable(may));
    expect(told.filter((subject) => !subject.startsWith('$JS.'))).toEqual([]);
    expect(told.filter((subject) => /STREAM\.(?!INFO)/.test(subject))).toEqual([]);
    const touching = told.filter((subject) => durables.some((each) => subject.includes(`.FACTS.${each}`)));
    expect(touching.every((subject) => subject.startsWith('$JS.API.CONSUMER.INFO.'))).toBe(true);
    expect(told).toEqual(expect.arrayContaining(consumerSubjects('mine', fact('user.erased'))));
    expect(await subscribed(stack.natsAs('reader'), subscribable(may))).toEqual(['_INBOX_reader.>']);
  });

  it('nobody connects to NATS without an account, or with a wrong password', async () => {
    const servers = new URL(stack.nats).host;
    await expect(connect({ servers, reconnect: false })).rejects.toThrow(/Authorization/);
    const wrong = { servers, user: 'gateway', pass: 'wrong', reconnect: false };
    await expect(connect(wrong)).rejects.toThrow(/Authorization/);
  });

  describe.each([
    { service: 'gateway', key: 'segue:limit:', commands: ['eval', 'evalsha', 'incrby', 'info', 'pexpire', 'pttl'] },
    {
      service: 'token',
      key: 'token:',
      commands: [
        ...['eval', 'evalsha', 'expire', 'get', 'getdel', 'info', 'mget', 'set', 'unlink', 'zadd', 'zrange'],
        'zremrangebyscore',
      ],
    },
  ] as const)('$service at Redis', ({ service, key, commands }) => {
    let operator: Redis;
    beforeAll(() => {
      operator = new Redis(stack.redis);
    });
    afterAll(() => operator?.disconnect());

    it('runs its commands and no other', async () => {
      const known = (await operator.call('COMMAND', 'LIST')) as string[];
      const allowed = [];
      for (const command of known.filter((each) => !withoutAccount.includes(each))) {
        const asked = await wellFormed(operator, command, key);
        const verdict = await operator.call('ACL', 'DRYRUN', service, ...asked).catch(String);
        if (!/no permissions to run|Command '[\w|]+' not found/.test(String(verdict))) allowed.push(command);
      }
      expect(allowed.sort()).toEqual([...commands].sort());
    });

    it('reaches its keys and no other', async () => {
      const redis = new Redis(service === 'gateway' ? stack.redisAs('gateway') : stack.redisAs('token'));
      const write = (name: string) => (service === 'gateway' ? redis.incrby(name, 1) : redis.set(name, '1'));
      await write(`${key}spec`);
      for (const other of ['segue:limit:', 'token:', 'segue:', 'spec', ''].filter((each) => each !== key)) {
        await expect(write(`${other}spec`)).rejects.toThrow(/NOPERM/);
      }
      redis.disconnect();
    });

    it('does in a script what it may do, and nothing else', async () => {
      const redis = new Redis(service === 'gateway' ? stack.redisAs('gateway') : stack.redisAs('token'));
      const script = (command: string, name: string) => redis.eval(`return redis.call(${command})`, 1, name);
      const [mine, foreign] =
        service === 'gateway' ? ["'PTTL', KEYS[1]", "'GET', KEYS[1]"] : ["'GET', KEYS[1]", "'PTTL', KEYS[1]"];
      await script(mine, `${key}spec`);
      await expect(script(foreign, `${key}spec`)).rejects.toThrow(denied);
      await expect(script(mine, 'spec')).rejects.toThrow(denied);
      await expect(script(mine.replace('KEYS[1]', "'spec'"), `${key}spec`)).rejects.toThrow(denied);
      redis.disconnect();
    });
  });

  describe.each(['identity', 'token', 'session', 'audit'] as const)('%s at Postgres', (service) => {
    let superuser: Client;
    let client: Client;
    let tables: { schema: string; name: string }[];
    beforeAll(async () => {
      superuser = await connected(stack.postgres);
      client = await connected(stack.postgresAs(service));
      const { rows } = await superuser.query(
        `SELECT schemaname AS schema, tablename AS name FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
      );
      tables = rows;
    });
    afterAll(() => Promise.all([client?.end(), superuser?.end()]));

    it('is how the service connects', async () => {
      const { rows } = await superuser.query(
        'SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1',
        [`segue-${service}`],
      );
      expect(rows).toEqual([{ usename: new URL(stack.postgresAs(service)).username }]);
    });

    it('reads every table of its schema, and touches none of another', async () => {
      expect(new Set(tables.map(({ schema }) => schema))).toEqual(new Set(['identity', 'token', 'session', 'audit']));
      for (const { schema, name } of tables) {
        const mine = schema === service;
        const table = `${schema}.${name}`;
        expect([table, await verdict(client, `SELECT FROM ${table} LIMIT 0`)]).toEqual([table, mine ? 0 : refused]);
        if (mine) continue;
        for (const sql of [`INSERT INTO ${table} DEFAULT VALUES`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
          expect([sql, await verdict(client, sql)]).toEqual([sql, refused]);
        }
      }
    });

    it('neither rules nor leaves its schema', async () => {
      const others = ['identity', 'token', 'session', 'audit'].filter((each) => each !== service);
      for (const sql of [
        ...['CREATE SCHEMA spec', 'CREATE TABLE public.spec ()', 'CREATE TEMP TABLE spec ()', 'CREATE ROLE spec'],
        ...[`DROP TABLE ${service}.migrations`, `DELETE FROM ${service}.migrations`, `SET ROLE segue`],
        ...[`COPY (SELECT 1) TO PROGRAM 'true'`, `SELECT pg_read_file('PG_VERSION')`, `ALTER SYSTEM SET fsync = off`],
        ...others.map((other) => `CREATE TABLE ${other}.spec ()`),
        ...others.map((other) => `SET ROLE ${new URL(stack.postgresAs(other as 'audit')).username}`),
      ]) {
        expect([sql, await verdict(client, sql)]).toEqual([sql, refused]);
      }
    });

    if (service === 'audit') {
      it('adds entries to the trail, and never changes or removes one', async () => {
        // The triggers would refuse too; the rights are looked at beside them.
        const { rows: rights } = await superuser.query(
          `SELECT table_name AS name, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS may
           FROM information_schema.role_table_grants WHERE grantee = $1 GROUP BY table_name ORDER BY table_name`,
          [new URL(stack.postgresAs('audit')).username],
        );
        expect(rights).toEqual([
          { name: 'chains', may: 'INSERT SELECT UPDATE' },
          { name: 'dead_facts', may: 'INSERT SELECT' },
          { name: 'entries', may: 'INSERT SELECT' },
          { name: 'migrations', may: 'SELECT' },
        ]);
        expect(Number((await superuser.query('SELECT count(*) FROM audit.entries')).rows[0].count)).toBeGreaterThan(0);
        for (const sql of [
          ...[`UPDATE audit.entries SET type = 'x'`, 'DELETE FROM audit.entries', 'TRUNCATE audit.entries'],
          ...['ALTER TABLE audit.entries DISABLE TRIGGER ALL', 'DROP TABLE audit.entries', 'DELETE FROM audit.chains'],
          ...[
            'DROP TRIGGER append_only ON audit.entries',
            'DELETE FROM audit.dead_facts',
            'CREATE TABLE audit.spec ()',
          ],
          `CREATE OR REPLACE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT 1'`,
          `SET session_replication_role = 'replica'`,
        ]) {
          expect([sql, await verdict(client, sql)]).toEqual([sql, refused]);
        }
      });
    } else {
      it('keeps its outbox: makes and drops the partitions of days, and cleans up', async () => {
        const told: (string | undefined)[] = [];
        client.on('notice', ({ message }) => told.push(message));
        await client.query(`SET search_path = ${service}`);
        const days = async () =>
          (await superuser.query(`SELECT FROM pg_inherits WHERE inhparent = '${service}.outbox'::regclass`)).rowCount;
        const before = await days();
        const { rows } = await superuser.query(
          `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = '${service}.outbox'::regclass
           AND inhrelid::regclass::text ~ '[0-9]{8}$' ORDER BY name DESC LIMIT 1`,
        );
        await client.query(`DROP TABLE ${rows[0].name}`);
        await client.query(createPartitions);
        expect(await days()).toBe(before);
        await client.query(dropPartitions);
        await client.query('VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF, SKIP_LOCKED) outbox');
        expect(told).toEqual([]);
      });
    }
  });

  it('nobody does anything at Redis without an account', async () => {
    const { port } = new URL(stack.redis);
    const redis = new Redis({ port: Number(port), retryStrategy: null, enableReadyCheck: false, protocol: 2 });
    redis.on('error', () => undefined);
    await expect(redis.get('token:spec')).rejects.toThrow(/NOAUTH/);
    redis.disconnect();
  });
});

/** As NATS matches: `*` is one token, `>` all that follow. */
function matches(pattern: string): (subject: string) => boolean {
  const wanted = pattern.split('.');
  return (subject) => {
    const tokens = subject.split('.');
    const open = wanted.at(-1) === '>';
    if (open ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
    return wanted.every((want, at) => want === '*' || want === tokens[at] || want === '>');
  };
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

/** What Postgres says to a statement: how many rows it concerned, or the SQLSTATE that refused it. */
async function verdict(client: Client, sql: string): Promise<number | string> {
  return client.query(sql).then(
    ({ rowCount }) => rowCount ?? 0,
    (error: { code: string }) => error.code,
  );
}

/** SQLSTATE insufficient_privilege. */
const refused = '42501';

/** Redis lets everybody run these, so that they can log in and leave. */
const withoutAccount = ['auth', 'hello', 'quit', 'reset'];

/** As Redis 7 and 8 say it of what a script does. */
const denied = /NOPERM|ACL|can't (run|access)/;

/** The fewest arguments with which Redis judges a command. */
async function wellFormed(redis: Redis, command: string, key: string): Promise<string[]> {
  const [info] = (await redis.call('COMMAND', 'INFO', command)) as [string, number][];
  const fewest = Math.abs(info?.[1] ?? 1);
  const words = command.split('|');
  return [...words, ...Array.from({ length: Math.max(fewest - words.length, 0) }, () => `${key}spec`)];
}

function publishable(may: Readonly<Record<Service, May>>): string[] {
  const durables = [...services.flatMap((service) => may[service].follows.map(({ durable }) => durable)), 'mine'];
  const verbs = services.flatMap((service) => may[service].serves);
  const stream = ['CREATE', 'UPDATE', 'DELETE', 'PURGE', 'INFO', 'MSG.GET', 'MSG.DELETE', 'SNAPSHOT', 'RESTORE'];
  return [
    ...verbs,
    ...Object.keys(facts).map(fact),
    fact('spec.made_up'),
    ...services.flatMap((service) => [`segue.beat.${service}`, `_INBOX_${service}.x.1`]),
    ...['_INBOX_reader.x.1', '_INBOX_operator.x.1', '_INBOX.x.1', 'segue.spec.ask', 'spec'],
    ...stream.flatMap((verb) => [`$JS.API.STREAM.${verb}.FACTS`, `$JS.API.STREAM.${verb}.OTHER`]),
    ...['$JS.API.INFO', '$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST', '$JS.API.STREAM.PEER.REMOVE.FACTS'],
    ...['$JS.API.ACCOUNT.PURGE.$G', '$JS.API.META.LEADER.STEPDOWN', '$JS.API.DIRECT.GET.FACTS', '$SYS.REQ.SERVER.PING'],
    ...['$JS.API.CONSUMER.LIST.FACTS', '$JS.API.CONSUMER.NAMES.FACTS', '$JS.API.CONSUMER.CREATE.FACTS', '$KV.x.y'],
    ...durables.flatMap((durable) => [
      ...Object.keys(facts).flatMap((type) => consumerSubjects(durable, `segue.facts.v1.*.${type}`)),
      ...consumerSubjects(durable, fact('user.erased')),
      `$JS.API.CONSUMER.DURABLE.CREATE.FACTS.${durable}`,
      `$JS.API.CONSUMER.CREATE.FACTS.${durable}.>`,
      `$JS.API.CONSUMER.DELETE.FACTS.${durable}`,
      `$JS.ACK.FACTS.${durable}.1.1.1.1.0`,
    ]),
  ].filter((subject, at, all) => all.indexOf(subject) === at);
}

function consumerSubjects(durable: string, filter: string): string[] {
  return [
    `$JS.API.CONSUMER.CREATE.FACTS.${durable}.${filter}`,
    `$JS.API.CONSUMER.INFO.FACTS.${durable}`,
    `$JS.API.CONSUMER.MSG.NEXT.FACTS.${durable}`,
  ];
}

/** `subject`, or `subject queue`. */
function subscribable(may: Readonly<Record<Service, May>>): string[] {
  const verbs = services.flatMap((service) => may[service].serves);
  return [
    ...verbs,
    ...verbs.flatMap((subject) => [...services, 'spec'].map((queue) => `${subject} ${queue}`)),
    ...Object.keys(facts).flatMap((type) => [fact(type), `segue.facts.v1.*.${type}`]),
    ...[...services, 'reader', 'operator'].map((account) => `_INBOX_${account}.>`),
    ...['>', '*', 'segue.>', 'segue.*.*', 'segue.session.*', 'segue.facts.v1.>', 'segue.facts.v1.*.user.*'],
    ...['segue.beat.*', '_INBOX.>', '_INBOX_*.>', '$JS.>', '$JS.API.>', '$JS.EVENT.>', '$JS.ACK.>', '$SYS.>', '$KV.>'],
  ];
}

/** Publishes an empty message to each, which nobody answers. @returns those that NATS took */
async function published(url: string, subjects: readonly string[]): Promise<string[]> {
  const nats = await connect({ ...asOptions(url), reconnect: false });
  const refused = violationsOf(nats);
  for (const subject of subjects) nats.publish(subject);
  await nats.flush();
  await nats.close();
  const refusedSubjects = (await refused)
    .filter(({ operation }) => operation === 'publish')
    .map((each) => each.subject);
  return subjects.filter((subject) => !refusedSubjects.includes(subject));
}

/** @returns where NATS let it listen */
async function subscribed(url: string, places: readonly string[]): Promise<string[]> {
  const nats = await connect({ ...asOptions(url), reconnect: false });
  const refused = new Set<string>();
  for (const place of places) {
    const [subject = '', queue] = place.split(' ');
    const callback = (error: Error | null) => void (error && refused.add(place));
    nats.subscribe(subject, { callback, ...(queue && { queue }) });
  }
  await nats.flush();
  await nats.close();
  return places.filter((place) => !refused.has(place));
}

/** All that NATS refuses until the connection is closed. */
async function violationsOf(nats: NatsConnection): Promise<PermissionViolationError[]> {
  const seen: PermissionViolationError[] = [];
  for await (const status of nats.status()) {
    if (status.type === 'error' && status.error instanceof PermissionViolationError) seen.push(status.error);
  }
  return seen;
}
