import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type ConsumerInfo, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { Client } from 'pg';
import { NatsServer } from '#bus/nats-server.support';
import { edge } from '#postgres/edge.support';
import { Admin } from '../support/admin.js';
import { eventually } from '../support/eventually.js';
import { request } from '../support/http.js';
import { asOptions } from '../support/nats.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';
import { Store } from './store.js';

/** A fact in the making: what a service of Segue would state. */
interface Told {
  readonly type: string;
  readonly body: object | string;
  readonly id?: string;
}

describe('a service that follows the facts', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  let store: Store;
  let database: Client;
  let nats: NatsConnection;
  const running = new Set<ChildProcess>();

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'anonymous=1000/1m,link=1000/1m' } });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
    store = new Store(stack.postgres);
    await store.prepare();
    database = new Client({ connectionString: stack.postgres });
    await database.connect();
    nats = await connect(asOptions(stack.nats));
  }, startMs);
  afterEach(() => Promise.all([...running].map((process) => end(process))));
  afterAll(async () => {
    await nats?.close();
    await database?.end();
    await store?.close();
    await stack?.stop();
  });

  function start({ natsUrl = stack.natsAs('reader'), databaseUrl = stack.postgres } = {}): ChildProcess {
    const env = { ...process.env, NODE_OPTIONS: '', NATS_URL: natsUrl, DATABASE_URL: databaseUrl, ACK_WAIT_MS: '1000' };
    const child = spawn(process.execPath, [join(import.meta.dirname, 'items.js')], { env, stdio: 'ignore' });
    running.add(child);
    return child.once('exit', () => running.delete(child));
  }
  async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exit = once(child, 'exit');
    child.kill(signal);
    return (await exit)[0];
  }

  const give = async (owner: string, item: string = randomUUID()) => {
    await store.give(partner.clientId, owner, item);
    return item;
  };
  /** An item put past every rule: only a fact that has its effect (again) would move it. */
  const plant = async (owner: string, item: string = randomUUID()) => {
    await database.query('INSERT INTO items.items VALUES ($1, $2, $3)', [partner.clientId, item, owner]);
    return item;
  };
  const owners = async (items: readonly string[]): Promise<(string | null)[]> => {
    const { rows } = await database.query('SELECT id, owner FROM items.items WHERE id = ANY($1)', [items]);
    const found = new Map(rows.map(({ id, owner }) => [id, owner]));
    return items.map((item) => found.get(item) ?? null);
  };
  const becomes = (items: readonly string[], expected: readonly (string | null)[]) =>
    eventually(
      () => owners(items),
      (seen) => JSON.stringify(seen) === JSON.stringify(expected),
      20_000,
    );
  const timesHandled = async (id: string) =>
    (await database.query('SELECT FROM items.handled WHERE fact_id = $1', [id])).rowCount;

  const merged = (from: string, into: string): Told => ({ type: 'user.merged', body: { from, into, epoch: 1 } });
  const erased = (userId: string): Told => ({ type: 'user.erased', body: { userId, epoch: 1 } });
  /** As the bus of Segue publishes, but without `Nats-Msg-Id`: the broker keeps a repeat. */
  const tell = async ({ type, body, id = randomUUID() }: Told, over = nats) => {
    const head = headers();
    const attributes = { specversion: '1.0', id, type, source: 'segue/identity', clientid: partner.clientId };
    for (const [name, value] of Object.entries(attributes)) head.set(`ce-${name}`, value);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    // Answered once it is stored.
    await over.request(`segue.facts.v1.${partner.clientId}.${type}`, text, { headers: head, timeout: 5_000 });
    return id;
  };
  const consumer = async (type: string): Promise<ConsumerInfo> =>
    (await jetstreamManager(nats)).consumers.info('FACTS', `items-${type.replace('.', '-')}`);
  /** Nothing of this type is left to deliver, or delivered and not settled. */
  const settled = (type: string) =>
    eventually(
      () => consumer(type),
      ({ num_pending, num_ack_pending }) => num_pending === 0 && num_ack_pending === 0,
      20_000,
    );

  const anonymous = async () => {
    const { clientId } = partner;
    const answer = await request(`${stack.url}/v1/anonymous`, { method: 'POST', body: { clientId } });
    const { anonymousAccountId, user } = answer.json();
    return { handle: anonymousAccountId as string, userId: user.userId as string };
  };
  /** Somebody follows a link. @returns who they are here */
  const signIn = async (userId: string, anonymousAccountId?: string): Promise<string> => {
    const landed = await request(partner.link({ userId, ...(anonymousAccountId && { anonymousAccountId }) }));
    expect(landed.status).toBe(303);
    const cookie = landed.cookies[0]!.split(';')[0]!;
    return (await request(`${stack.url}/v1/session`, { headers: { cookie } })).json().user.userId;
  };
  /** Who a user is by now, as identity says; null where they are erased. */
  const identityOf = async (userId: string): Promise<string | null> => {
    const answer = await admin.send('GET', `clients/${partner.clientId}/users/${userId}`);
    return answer.status === 404 ? null : answer.json().userId;
  };

  it('keeps every item exactly once, with whom identity says, whatever kills it meanwhile', async () => {
    const given = new Map<string, string>();
    const giveAll = async (userIds: readonly string[]) => {
      for (const userId of userIds) given.set(await give(userId), userId);
    };
    const visitors = await Promise.all(Array.from({ length: 20 }, anonymous));
    const ids = visitors.map(({ userId }) => userId);
    // Every other visitor has an account already.
    const known = new Map<number, string>();
    for (let n = 0; n < visitors.length; n += 2) known.set(n, await signIn(`person-${n}`));
    await giveAll([...ids, ...ids, ...known.values()]);

    // Two replicas, each killed again and again at a random moment.
    let merging = true;
    const killing = [1, 2].map(async () => {
      for (let kills = 0; merging || kills < 6; kills += 1) {
        const replica = start();
        await sleep(250 + Math.random() * 400);
        await end(replica);
      }
    });
    let contested = 0;
    for (const [n, { handle, userId }] of visitors.entries()) {
      if (n < 14) expect(await signIn(`person-${n}`, handle)).toBe(known.get(n) ?? userId);
      else {
        // Four users, one of them known already, claim one account at the same time.
        const claims = [`person-${n - (n % 2)}`, `rival-${n}-a`, `rival-${n}-b`, `rival-${n}-c`];
        const signedIn = await Promise.all(claims.map((claim) => signIn(claim, handle)));
        expect(signedIn.filter((each) => each === userId).length).toBeLessThanOrEqual(1);
        await giveAll(signedIn);
        contested += 1;
      }
      // Somebody still writes under the old id, before or after the merge is heard of.
      await giveAll([userId]);
      // A user is erased the moment they have merged.
      const target = await identityOf(userId);
      if (n % 5 === 0) await admin.delete(`clients/${partner.clientId}/users/${target}`);
    }
    merging = false;
    await Promise.all(killing);
    start();
    start();

    const identities = new Map<string, string | null>();
    for (const userId of new Set(given.values())) identities.set(userId, await identityOf(userId));
    await becomes(
      [...given.keys()],
      [...given.values()].map((userId) => identities.get(userId)!),
    );
    await Promise.all([settled('user.merged'), settled('user.erased')]);
    const living = [...given.values()].filter((userId) => identities.get(userId) !== null).length;
    const { rows } = await database.query('SELECT count(*)::int AS kept FROM items.items');
    expect(rows[0].kept).toBe(living);

    // All of it has happened: became, absorbed, contested, erased.
    const fates = ids.map((userId) => identities.get(userId));
    expect(fates.filter((fate, n) => fate === ids[n]).length).toBeGreaterThan(0);
    expect(fates.filter((fate, n) => fate && fate !== ids[n]).length).toBeGreaterThan(0);
    // Whoever won two accounts takes both along.
    expect(fates.filter((fate) => fate === null).length).toBeGreaterThanOrEqual(4);
    expect(contested).toBe(6);
  }, 120_000);

  it('killed between its commit and its acknowledgement, does nothing twice', async () => {
    const [from, into] = [randomUUID(), randomUUID()];
    const item = await give(from);
    const child = { current: undefined as ChildProcess | undefined };
    await using broker = await withoutAcknowledgements(stack.natsAs('reader'), () => child.current?.kill('SIGKILL'));
    child.current = start({ natsUrl: broker.url });
    const killed = once(child.current, 'exit');
    const id = await tell(merged(from, into));
    expect(await killed).toEqual([null, 'SIGKILL']);
    expect([await owners([item]), await timesHandled(id)]).toEqual([[into], 1]);
    expect((await consumer('user.merged')).num_ack_pending).toBe(1);

    const planted = await plant(from);
    const { delivered } = await consumer('user.merged');
    start();
    const after = await settled('user.merged');
    expect(after.delivered.consumer_seq).toBeGreaterThan(delivered.consumer_seq);
    expect(await owners([item, planted])).toEqual([into, from]);
  });

  it('takes a fact once, however often it comes, also to two replicas', async () => {
    const [from, into] = [randomUUID(), randomUUID()];
    const item = await give(from);
    start();
    start();
    const id = await tell(merged(from, into));
    await becomes([item], [into]);
    const planted = await plant(from);
    await Promise.all(Array.from({ length: 50 }, () => tell({ ...merged(from, into), id })));
    await settled('user.merged');
    expect([await owners([item, planted]), await timesHandled(id)]).toEqual([[into, from], 1]);
  });

  it.each(['the erasure', 'the merge'])('brings nothing of an erased user back, with %s heard first', async (first) => {
    const [from, into, other] = [randomUUID(), randomUUID(), randomUUID()];
    const items = [await give(from), await give(into), await give(other)];
    start();
    const told = [erased(into), merged(from, into)];
    for (const fact of first === 'the merge' ? told.reverse() : told) {
      const id = await tell(fact);
      await eventually(
        () => timesHandled(id),
        (times) => times === 1,
      );
    }
    expect(await owners(items)).toEqual([null, null, other]);
    expect(await owners([await give(from), await give(into)])).toEqual([null, null]);
  });

  it('puts aside what is no fact, and goes on', async () => {
    const [from, into] = [randomUUID(), randomUUID()];
    const item = await give(from);
    start();
    await nats.request(`segue.facts.v1.${partner.clientId}.user.merged`, 'neither header nor body');
    const good = { from, into };
    for (const body of ['{', 'null', '[]', {}, { from }, { ...good, into: 7 }, { ...good, into: '\u0000' }])
      await tell({ type: 'user.merged', body });
    await tell({ type: 'user.merged', body: { ...good, more: 'is ignored' } });
    await becomes([item], [into]);
    expect((await settled('user.merged')).num_redelivered).toBe(0);
  });

  it('waits for a database that is away', async () => {
    const [from, into, later] = [randomUUID(), randomUUID(), randomUUID()];
    const [item, waiting] = [await give(from), await give(later)];
    const way = await edge(stack.postgres);
    try {
      start({ databaseUrl: way.url });
      await tell(merged(from, into));
      await becomes([item], [into]);
      way.cut();
      const id = await tell(merged(later, into));
      await sleep(1_500);
      expect(await timesHandled(id)).toBe(0);
      way.restore();
      await becomes([item, waiting], [into, into]);
    } finally {
      await way.close();
    }
  });

  it('outlives its broker: away, without a stream, restarted, come back empty', async () => {
    await using broker = await NatsServer.start();
    const url = broker.url.reveal();
    await broker.kill();
    const follower = start({ natsUrl: url });
    await sleep(1_000);
    const moved = async (): Promise<void> => {
      const [from, into] = [randomUUID(), randomUUID()];
      const item = await give(from);
      const line = await connect({ servers: url });
      const manager = await jetstreamManager(line);
      await manager.streams.add({ name: 'FACTS', subjects: ['segue.facts.v1.>'] });
      await tell(merged(from, into), line);
      await line.close();
      await becomes([item], [into]);
    };
    await broker.up();
    await sleep(1_000);
    await moved();
    await broker.kill();
    await broker.up();
    await moved();
    await broker.kill();
    await broker.forget();
    await broker.up();
    await moved();
    expect(follower.exitCode).toBeNull();
  }, 90_000);

  it('ends when it is told to, with what it has in hand done', async () => {
    const [from, into] = [randomUUID(), randomUUID()];
    const item = await give(from);
    const follower = start();
    await tell(merged(from, into));
    await becomes([item], [into]);
    expect(await end(follower, 'SIGTERM')).toBe(0);
    expect((await consumer('user.merged')).num_ack_pending).toBe(0);
  });
});

/** A way to the broker on which no acknowledgement ever passes; the first one is noticed. */
async function withoutAcknowledgements(natsUrl: string, noticed: () => void) {
  const target = new URL(natsUrl);
  const server = createServer((near) => {
    const far = dial(Number(target.port), target.hostname);
    far.pipe(near);
    near.on('data', (chunk) => {
      if (!chunk.includes('+ACK')) return void far.write(chunk);
      noticed();
      far.destroy();
    });
    near.on('close', () => far.destroy()).on('error', () => near.destroy());
    far.on('close', () => near.destroy()).on('error', () => far.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: Object.assign(new URL(natsUrl), { port: (server.address() as AddressInfo).port }).href,
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}
