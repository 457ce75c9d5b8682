import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Line, openLine } from '#bus/bus.module';
import { NatsServer } from '#bus/nats-server.support';
import type { Fact, FactBody, NewFact } from '#contracts/fact';
import { createLog } from '#log/log';
import { Readiness } from '#ops/readiness';
import { Outbox } from '#outbox/outbox';
import { FollowFacts } from './follow-facts.js';
import { Heard } from './heard.js';
import { Snapshot } from './snapshot.js';
import type { Opening } from './store/opening.js';
import { RevocationStore } from './store/revocation.store.js';
import { chain, newClient, opened, type Replicas, twoReplicas } from './store/testing.js';

const log = createLog({ service: 'session', level: 'silent' });

let replicas: Replicas;
let nats: NatsServer;
const lines: Line[] = [];

beforeAll(async () => {
  [replicas, nats] = await Promise.all([twoReplicas(), NatsServer.start()]);
});

afterEach(async () => {
  for (const { facts, requests, connection } of lines.splice(0)) {
    await facts.close();
    requests.close();
    await connection.close();
  }
});

afterAll(async () => {
  await Promise.all([replicas.end(), nats[Symbol.asyncDispose]()]);
});

let clientId: string;
let durable: string;
beforeEach(() => {
  clientId = newClient();
  durable = `session-${randomBytes(5).toString('hex')}`;
});

/** What one process of the service has. */
function replica(): { follow: FollowFacts; line: Line } {
  const line = openLine({ name: 'session', natsUrl: nats.url, log, readiness: new Readiness(log) });
  lines.push(line);
  return { follow: new FollowFacts(line.facts, replicas.epochs, new Outbox(), new Heard(), log), line };
}

const told = (what: Pick<NewFact, 'type' | 'body'>, client = clientId): Fact => ({
  id: randomUUID(),
  clientId: client,
  subject: `user/${randomUUID()}`,
  at: new Date().toISOString(),
  traceparent: null,
  ...what,
});

async function open(given: Partial<Opening> = {}): Promise<Opening> {
  const row = chain({ clientId, ...given });
  await opened(replicas.one, row);
  return row;
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await condition()) return;
    await sleep(20);
  }
  throw new Error('it did not come about');
}

async function publish({ facts, connection }: Line, ...all: Fact[]): Promise<void> {
  await until(() => connection.connected);
  await Promise.all(all.map((fact) => facts.publish(fact)));
}

const closed = async () =>
  (await replicas.facts(clientId, 'session.closed')).map(({ body }) => `${body['sessionId']} ${body['reason']}`).sort();

describe('facts that end sessions', () => {
  it('end those of merged, suspended and erased users, of changed passwords, of deleted keys and of suspended clients', async () => {
    const suspendedClient = newClient();
    const [merged, suspended, erased] = [await open({ epoch: 1 }), await open(), await open({ epoch: 6 })];
    const changed = await open({ epoch: 1 });
    const key = await open({ subject: 'key_abcdefghijkl', epoch: 3 });
    const tenant = await open({ clientId: suspendedClient });
    const kept = [
      await open(),
      await open({ subject: suspended.subject, epoch: 1 }),
      await open({ subject: 'key_mnopqrstuvwx' }),
    ];

    const { follow, line } = replica();
    follow.follow(durable);
    await publish(
      line,
      told({ type: 'user.merged', body: { from: merged.subject, into: kept[0]?.subject ?? '', epoch: 2 } }),
      told({ type: 'user.suspended', body: { userId: suspended.subject, epoch: 1 } }),
      told({ type: 'user.erased', body: { userId: erased.subject, epoch: 7 } }),
      told({ type: 'user.password_changed', body: { userId: changed.subject, epoch: 2, change: 'set' } }),
      told({ type: 'key.deleted', body: { keyId: 'abcdefghijkl', epoch: 4 } }),
      told({ type: 'client.suspended', body: { epoch: 1 } }, suspendedClient),
    );

    await until(async () => (await closed()).length === 5 && (await replicas.one.find(tenant)) === null);
    expect(await closed()).toEqual(
      [merged, suspended, erased, changed, key].map(({ sessionId }) => `${sessionId} revoked`).sort(),
    );
    await until(async () => (await replicas.facts(suspendedClient, 'session.closed')).length === 1);
    for (const row of kept) expect(await replicas.two.find(row)).not.toBeNull();
    expect(await replicas.one.open({ ...chain({ clientId }), subject: suspended.subject, epoch: 0 })).toEqual({
      outcome: 'stale',
    });
  });

  it('are passed over where they are not what their contract says, and hold up nobody', async () => {
    const row = await open();
    const { follow } = replica();
    const strange = {
      ...told({ type: 'user.restored', body: { userId: row.subject } }),
      type: 'user.suspended',
    } as Fact;
    const newer = { epoch: 1, userId: row.subject, since: 'a later version' } as FactBody<'user.suspended'>;
    await follow.run([strange, told({ type: 'user.suspended', body: newer })]);
    expect(await closed()).toEqual([`${row.sessionId} revoked`]);
  });

  it('change nothing when they come again, late or in another order', async () => {
    const row = await open({ epoch: 2 });
    const later = await open({ subject: row.subject, epoch: 3 });
    const { follow } = replica();
    const at = (epoch: number) => told({ type: 'user.suspended', body: { userId: row.subject, epoch } });
    const [third, second] = [at(3), at(2)];
    await follow.run([third]);
    const before = await closed();
    await follow.run([second, third, third]);
    await Promise.all(Array.from({ length: 20 }, () => follow.run([second, third])));
    expect(before).toEqual([`${row.sessionId} revoked`]);
    expect(await closed()).toEqual(before);
    expect(await replicas.one.find(later)).not.toBeNull();
  });

  it('are in the revocation set as soon as they are stated, however far behind this service is', async () => {
    const { follow, line } = replica();
    const heard = new Heard();
    heard.add(follow.follow(durable));
    const snapshot = new Snapshot(new RevocationStore(replicas.postgres), heard);
    await until(() =>
      heard.caughtUp().then(
        () => true,
        () => false,
      ),
    );

    const stated = Array.from({ length: 50 }, () => ({ userId: randomUUID(), epoch: 1 }));
    await publish(line, ...stated.map((body) => told({ type: 'user.suspended', body })));
    const subjects: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await snapshot.run(cursor === undefined ? {} : { cursor });
      subjects.push(...page.epochs.map(({ subject }) => subject));
      cursor = page.nextCursor;
    }
    expect(subjects).toEqual(expect.arrayContaining(stated.map(({ userId }) => userId)));
  });

  it('wait for the service while it is away', async () => {
    const row = await open();
    const away = replica();
    away.follow.follow(durable);
    await until(() => away.line.connection.connected);
    await sleep(200);
    await away.line.facts.close();
    await publish(away.line, told({ type: 'user.erased', body: { userId: row.subject, epoch: 1 } }));
    expect(await replicas.one.find(row)).not.toBeNull();
    replica().follow.follow(durable);
    await until(async () => (await replicas.one.find(row)) === null);
  });

  it('reach a session that opens while they are heard: none of 50 survives', async () => {
    const subject = randomUUID();
    const { follow } = replica();
    const rows = Array.from({ length: 50 }, () => chain({ clientId, subject }));
    await Promise.all([
      ...rows.slice(0, 25).map((row) => replicas.one.open(row)),
      follow.run([told({ type: 'user.suspended', body: { userId: subject, epoch: 1 } })]),
      ...rows.slice(25).map((row) => replicas.two.open(row)),
    ]);
    expect(await Promise.all(rows.map((row) => replicas.one.find(row)))).toEqual(rows.map(() => null));
  });
});
