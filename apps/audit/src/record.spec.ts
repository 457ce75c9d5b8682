import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Line, openLine } from '#bus/bus.module';
import { NatsServer } from '#bus/nats-server.support';
import type { Fact } from '#contracts/fact';
import { createLog, type Log } from '#log/log';
import { Readiness } from '#ops/readiness';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { RecordFacts } from './record.js';
import { store } from './store/data-source.js';
import { DeadFactsStore } from './store/dead-facts.store.js';
import { EntriesStore } from './store/entries.store.js';
import { Verify } from './verify.js';

let scratch: ScratchStore;
let nats: NatsServer;
let log: Log;
let entries: EntriesStore;
const lines: Line[] = [];
const written: string[] = [];

beforeAll(async () => {
  [scratch, nats] = await Promise.all([scratchStore(store), NatsServer.start()]);
  log = createLog({ service: 'audit', level: 'error', write: (line) => written.push(line) });
  entries = new EntriesStore(scratch.postgres);
});

afterEach(async () => {
  for (const { facts, requests, connection } of lines.splice(0)) {
    await facts.close();
    requests.close();
    await connection.close();
  }
});

afterAll(async () => {
  await Promise.all([scratch.drop(), nats[Symbol.asyncDispose]()]);
});

let clientId: string;
let durable: string;

beforeEach(() => {
  clientId = `record${randomBytes(5).toString('hex')}`;
  durable = `audit-${clientId}`;
});

/** What one process of the service has. */
function replica(): { record: RecordFacts; line: Line } {
  const line = openLine({ name: 'audit', natsUrl: nats.url, log, readiness: new Readiness(log) });
  lines.push(line);
  return { record: new RecordFacts(line.facts, entries, new DeadFactsStore(scratch.postgres), log), line };
}

const fact = (more: Partial<Fact> = {}): Fact => ({
  id: randomUUID(),
  type: 'session.refreshed',
  clientId,
  subject: `session/${randomUUID()}`,
  at: new Date().toISOString(),
  traceparent: null,
  body: { sessionId: randomUUID(), userId: randomUUID(), protocol: 'api-link', generation: 1 },
  ...more,
});

const recorded = async () => (await entries.following(clientId, 0, 10_000)).map(({ id }) => id);

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await condition()) return;
    await sleep(50);
  }
  throw new Error('it did not come about');
}

async function publish({ line }: { line: Line }, facts: readonly Fact[]): Promise<void> {
  await until(async () => line.connection.connected);
  await Promise.all(facts.map((each) => line.facts.publish(each)));
}

const facts = (count: number) => Array.from({ length: count }, () => fact());
const sorted = (list: readonly Fact[]) => list.map(({ id }) => id).sort();

describe('facts of the stream', () => {
  it('arrive in the table, shared between two replicas, each once, in a chain that holds', async () => {
    const [one, two] = [replica(), replica()];
    one.record.follow(durable);
    two.record.follow(durable);
    const stated = facts(300);
    await publish(one, stated);
    await until(async () => (await recorded()).length >= stated.length);
    expect((await recorded()).sort()).toEqual(sorted(stated));
    expect(await new Verify(entries).run({ clientId })).toMatchObject({ ok: true, entries: 300 });
  });

  it('are not lost while audit is down, nor when NATS is killed meanwhile', async () => {
    const before = replica();
    const following = before.record.follow(durable);
    const stated = facts(20);
    await publish(before, stated.slice(0, 10));
    await until(async () => (await recorded()).length === 10);
    await following.stop();

    await publish(before, stated.slice(10));
    await sleep(200);
    expect(await recorded()).toHaveLength(10);

    await nats.kill();
    await nats.up();
    replica().record.follow(durable);
    await until(async () => (await recorded()).length === 20);
    expect((await recorded()).sort()).toEqual(sorted(stated));
  });

  it('are recorded once when the process dies between the commit and the acknowledgement', async () => {
    const { record, line } = replica();
    let deaths = 0;
    line.facts.follow({
      durable,
      handle: async (group) => {
        await record.run(group);
        if (!group.some((each) => each.clientId === clientId) || deaths === 3) return;
        deaths += 1;
        throw new Error('died');
      },
    });
    const stated = facts(5);
    await publish({ line }, stated);
    await until(async () => deaths === 3);
    await sleep(300);
    expect((await recorded()).sort()).toEqual(sorted(stated));
  });
});

describe('a fact that cannot be recorded', () => {
  const dead = () => scratch.dataSource.query('SELECT fact, problem FROM dead_facts WHERE client_id = $1', [clientId]);

  it('holds up none of those that came with it, on the stream', async () => {
    const { record, line } = replica();
    record.follow(durable);
    const poison = fact({ at: 'yesterday' });
    const sound = facts(20);
    await publish({ line }, sound.toSpliced(7, 0, poison));
    await until(async () => (await recorded()).length === 20 && (await dead()).length === 1);
    expect((await recorded()).sort()).toEqual(sorted(sound));
  });

  it('changes nothing for its neighbours in a batch, not even their order', async () => {
    const sound = facts(50);
    const poison = [fact({ at: 'yesterday' }), fact({ at: '0000-06-01T00:00:00.000Z' }), fact({ clientId: 'NOBODY' })];
    const [first, second, third] = poison as [Fact, Fact, Fact];
    await replica().record.run(sound.toSpliced(40, 0, third).toSpliced(11, 0, first, second));
    expect(await recorded()).toEqual(sound.map(({ id }) => id));
    expect(await dead()).toHaveLength(2);
  });

  it.each([
    ['malformed', { at: 'yesterday' }, 'at'],
    ['refused by Postgres', { at: '0000-06-01T00:00:00.000Z' }, expect.stringMatching(/date\/time/)],
    ['of text that Postgres cannot keep', { body: { reason: '\0\ud800' } as unknown as Fact['body'] }, 'body'],
  ])('is set aside whole, once, with an alert: %s', async (_, more, problem) => {
    const { record } = replica();
    const poison = fact(more);
    await record.run([poison]);
    await record.run([poison]);
    expect(await dead()).toEqual([{ fact: JSON.stringify(poison), problem }]);
    expect(JSON.parse((await dead())[0].fact)).toEqual(poison);
    expect(written.join()).toContain(poison.id);
    expect(await recorded()).toEqual([]);
  });

  it('is not given up when it is Postgres that fails', async () => {
    const { record, line } = replica();
    const broken = await scratchStore({ entities: [], migrations: [] });
    const withoutTables = new EntriesStore(broken.postgres);
    const failing = new RecordFacts(line.facts, withoutTables, new DeadFactsStore(scratch.postgres), log);
    const sound = fact();
    await expect(failing.run([sound])).rejects.toThrow();
    await broken.drop();
    await expect(failing.run([sound])).rejects.toThrow();
    expect(await dead()).toEqual([]);
    await record.run([sound]);
    expect(await recorded()).toEqual([sound.id]);
  });
});
