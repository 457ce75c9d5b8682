import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Fact } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import type { Line } from './bus.module.js';
import { NatsServer } from './nats-server.support.js';
import { openSpecLine } from './replica.support.js';

const clientId = 'acmeacme';
const factOf = (n = 0, id: string = randomUUID()): Fact<'user.created'> => ({
  id,
  type: 'user.created',
  clientId,
  subject: `user/${n}`,
  at: '2026-11-20T10:00:00.000Z',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  body: { userId: String(n), fields: ['email'] },
});
const numbers = (facts: readonly Fact[]) => facts.map(({ subject }) => Number(subject.slice(5)));

async function until(condition: () => boolean, withinMs = 15_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error('it never came true');
    await delay(20);
  }
}

describe('the stream of facts', () => {
  let nats: NatsServer;
  let line: Line & { lines: Record<string, unknown>[] };
  let raw: NatsConnection;

  beforeAll(async () => {
    nats = await NatsServer.start();
    line = openSpecLine(nats.url);
    raw = await connect({ servers: nats.url.reveal(), maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    await line.connection.ready;
    await line.facts.ensure();
  });

  afterAll(async () => {
    await line.facts.close();
    line.requests.close();
    await line.connection.close();
    await raw.close();
    await nats[Symbol.asyncDispose]();
  });

  const manager = () => jetstreamManager(raw);
  const stored = async () => (await (await manager()).streams.info('FACTS')).state.messages;

  /** A stream as on the first day. */
  async function afresh() {
    await (await manager()).streams.delete('FACTS');
    await line.facts.ensure();
  }

  it('is made as designed, and left alone when it exists', async () => {
    const { config } = await (await manager()).streams.info('FACTS');
    expect(config).toMatchObject({
      subjects: ['segue.facts.v1.>'],
      storage: 'file',
      retention: 'limits',
      max_age: 14 * 86_400 * 1e9,
      duplicate_window: 120 * 1e9,
    });
    await (await manager()).streams.update('FACTS', { max_age: 1e9 * 86_400 });
    await line.facts.ensure();
    expect((await (await manager()).streams.info('FACTS')).config.max_age).toBe(1e9 * 86_400);
    await afresh();
  });

  it('is there for each of several services that start at once, one of them being told of an overlap', async () => {
    const streams = (await manager()).streams;
    await streams.delete('FACTS');
    await streams.add({ name: 'BEING_MADE', subjects: ['segue.facts.v1.>'] });
    let isThere = false;
    const ensuring = line.facts.ensure().then(() => (isThere = true));
    await delay(200);
    expect(isThere).toBe(false);
    await streams.delete('BEING_MADE');
    await ensuring;
    expect((await streams.info('FACTS')).config.subjects).toEqual(['segue.facts.v1.>']);
  });

  it('is not made over a stream of another that has its subjects', async () => {
    const streams = (await manager()).streams;
    await streams.delete('FACTS');
    await streams.add({ name: 'OTHER', subjects: ['segue.facts.>'] });
    await expect(line.facts.ensure()).rejects.toMatchObject({ code: 'service.unavailable' });
    await streams.delete('OTHER');
    await line.facts.ensure();
  });

  it('states a fact as a CloudEvent 1.0', async () => {
    const heard: { subject: string; headers: Record<string, string[]>; body: string }[] = [];
    const sub = raw.subscribe('segue.facts.v1.>', {
      callback: (_, message) => {
        const { subject, headers } = message;
        heard.push({ subject, headers: Object.fromEntries(headers ?? []), body: message.string() });
      },
    });
    await raw.flush();
    await line.facts.publish(factOf(7, 'fact-1'));
    await line.facts.publish({ ...factOf(7, 'fact-2'), traceparent: null });
    await raw.flush();
    sub.unsubscribe();
    const common = {
      'ce-specversion': ['1.0'],
      'ce-type': ['user.created'],
      'ce-source': ['segue/spec'],
      'ce-subject': ['user/7'],
      'ce-time': ['2026-11-20T10:00:00.000Z'],
      'ce-clientid': ['acmeacme'],
      'content-type': ['application/json'],
    };
    expect(heard[0]).toEqual({
      subject: 'segue.facts.v1.acmeacme.user.created',
      headers: {
        ...common,
        'ce-id': ['fact-1'],
        'ce-traceparent': ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
        'Nats-Msg-Id': ['fact-1'],
      },
      body: '{"userId":"7","fields":["email"]}',
    });
    expect(heard[1]?.headers).toEqual({ ...common, 'ce-id': ['fact-2'], 'Nats-Msg-Id': ['fact-2'] });
  });

  it('stores a fact once, however often and however concurrently it is stated', async () => {
    await afresh();
    const fact = factOf();
    await Promise.all(Array.from({ length: 50 }, () => line.facts.publish(fact)));
    expect(await stored()).toBe(1);
  });

  it('stores thousands stated at once', async () => {
    await afresh();
    await Promise.all(Array.from({ length: 5_000 }, (_, n) => line.facts.publish(factOf(n))));
    expect(await stored()).toBe(5_000);
  });

  it('makes a lost stream again when a fact is stated', async () => {
    await (await manager()).streams.delete('FACTS');
    await line.facts.publish(factOf());
    expect(await stored()).toBe(1);
  });

  it('hears every fact in order, what was stated before included', async () => {
    await afresh();
    await Promise.all(Array.from({ length: 600 }, (_, n) => line.facts.publish(factOf(n))));
    const heard: Fact[] = [];
    const sizes: number[] = [];
    const following = line.facts.follow({
      durable: 'in_order',
      handle: async (facts) => {
        sizes.push(facts.length);
        heard.push(...facts);
      },
    });
    await until(() => heard.length === 600);
    expect(numbers(heard)).toEqual(Array.from({ length: 600 }, (_, n) => n));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256);
    expect(sizes.length).toBeLessThan(20);
    expect(heard[0]).toEqual(factOf(0, heard[0]?.id));

    const before = performance.now();
    await line.facts.publish(factOf(600));
    await until(() => heard.length === 601);
    expect(performance.now() - before).toBeLessThan(500);
    await following.stop();
  });

  it('goes on where it stopped', async () => {
    await afresh();
    const first: Fact[] = [];
    const one = line.facts.follow({ durable: 'resumed', handle: async (facts) => void first.push(...facts) });
    await line.facts.publish(factOf(1));
    await until(() => first.length === 1);
    await one.stop();
    await line.facts.publish(factOf(2));
    const second: Fact[] = [];
    const two = line.facts.follow({ durable: 'resumed', handle: async (facts) => void second.push(...facts) });
    await until(() => second.length === 1);
    expect(numbers(second)).toEqual([2]);
    await two.stop();
  });

  it.each([
    { types: ['link_secret.created'] as const },
    { types: ['link_secret.created', 'link_secret.revoked'] as const },
    { types: ['link_secret.created', 'client.created'] as const },
  ])('hears only $types', async ({ types }) => {
    await afresh();
    await line.facts.publish(factOf(1));
    await line.facts.publish({ ...factOf(2), type: 'link_secret.created', body: { secretId: 's' } });
    await line.facts.publish(factOf(3));
    const heard: Fact[] = [];
    const following = line.facts.follow({ durable: 'some', types, handle: async (facts) => void heard.push(...facts) });
    await until(() => heard.length > 0);
    await delay(100);
    expect(numbers(heard)).toEqual([2]);
    await following.stop();
    const { num_pending, num_ack_pending } = await (await manager()).consumers.info('FACTS', 'some');
    expect({ num_pending, num_ack_pending }).toEqual({ num_pending: 0, num_ack_pending: 0 });
  });

  it('may be followed by other types from now on', async () => {
    await afresh();
    const heard: Fact[] = [];
    const handle = async (facts: readonly Fact[]) => void heard.push(...facts);
    const users = line.facts.follow({ durable: 'changed', types: ['user.created'], handle });
    await line.facts.publish(factOf(1));
    await until(() => heard.length === 1);
    await users.stop();
    const clients = line.facts.follow({ durable: 'changed', types: ['client.created'], handle });
    await line.facts.publish({ ...factOf(2), type: 'client.created', body: { fields: [] } });
    await until(() => heard.length === 2);
    await clients.stop();
  });

  it('hears a fact again after its handler failed, and the others in the meantime', async () => {
    await afresh();
    await Promise.all([1, 2, 3].map((n) => line.facts.publish(factOf(n))));
    const done: number[] = [];
    let failures = 0;
    const following = line.facts.follow({
      durable: 'failing',
      handle: async (facts) => {
        if (numbers(facts).includes(2) && failures < 2) {
          failures++;
          throw new Error('a poisonous fact');
        }
        done.push(...numbers(facts));
      },
    });
    await until(() => done.length === 3);
    expect(done).toEqual([1, 3, 2]);
    expect(failures).toBe(2);
    await following.stop();
    expect((await (await manager()).consumers.info('FACTS', 'failing')).num_ack_pending).toBe(0);
  });

  it('waits in order while something the handler needs is away', async () => {
    await afresh();
    await Promise.all([1, 2, 3].map((n) => line.facts.publish(factOf(n))));
    const tries: number[][] = [];
    const following = line.facts.follow({
      durable: 'patient',
      handle: async (facts) => {
        tries.push(numbers(facts));
        if (tries.length === 1) throw new Fault('service.unavailable');
      },
    });
    await until(() => tries.length === 2);
    expect(tries).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    await following.stop();
  });

  it('is not held up by a message that is no fact', async () => {
    await afresh();
    raw.publish('segue.facts.v1.acmeacme.user.created', 'noise');
    await raw.flush();
    await line.facts.publish(factOf(1));
    const heard: Fact[] = [];
    const following = line.facts.follow({ durable: 'noise', handle: async (facts) => void heard.push(...facts) });
    await until(() => heard.length === 1);
    expect(line.lines).toContainEqual(expect.objectContaining({ level: 'error', msg: 'a message is no fact' }));
    await following.stop();
  });

  it('is heard on after NATS was killed and restarted, and after it came back empty', async () => {
    await afresh();
    const heard = new Set<number>();
    const following = line.facts.follow({
      durable: 'survivor',
      handle: async (facts) => {
        for (const n of numbers(facts)) heard.add(n);
      },
    });
    const state = (n: number) =>
      line.facts.publish(factOf(n)).then(
        () => true,
        () => false,
      );
    await state(1);
    await until(() => heard.has(1));

    await nats.kill();
    await expect(line.facts.publish(factOf(2))).rejects.toThrow('service.');
    await nats.up();
    while (!(await state(2))) await delay(100);
    await until(() => heard.has(2));

    await nats.kill();
    await nats.forget();
    await nats.up();
    while (!(await state(3))) await delay(100);
    await until(() => heard.has(3));
    await following.stop();
  }, 30_000);

  it('is heard on after stream and consumer were deleted', async () => {
    await afresh();
    const heard: number[] = [];
    const following = line.facts.follow({
      durable: 'deleted',
      handle: async (facts) => void heard.push(...numbers(facts)),
    });
    await line.facts.publish(factOf(1));
    await until(() => heard.includes(1));
    await (await manager()).consumers.delete('FACTS', 'deleted');
    await line.facts.publish(factOf(2));
    await until(() => heard.includes(2));
    await (await manager()).streams.delete('FACTS');
    await line.facts.publish(factOf(3));
    await until(() => heard.includes(3));
    await following.stop();
  }, 40_000);

  it('comes together with what follows while it waits for company', async () => {
    await afresh();
    const groups: number[] = [];
    const following = line.facts.follow({
      durable: 'gathering',
      gatherMs: 1_000,
      handle: async (facts) => {
        groups.push(facts.length);
      },
    });
    await line.facts.publish(factOf(0));
    await delay(100);
    for (let n = 1; n <= 20; n++) await line.facts.publish(factOf(n));
    await until(() => groups.length > 0);
    await following.stop();
    expect(groups).toEqual([21]);
  });

  it('waits for no company that is there already', async () => {
    await afresh();
    const heard: number[][] = [];
    await Promise.all(Array.from({ length: 30 }, (_, n) => line.facts.publish(factOf(n))));
    const following = line.facts.follow({
      durable: 'backlog',
      batch: 10,
      gatherMs: 60_000,
      handle: async (facts) => {
        heard.push(numbers(facts));
      },
    });
    await until(() => heard.length === 3);
    await following.stop();
    expect(heard.map((group) => group.length)).toEqual([10, 10, 10]);
    expect(heard.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  it('finishes what it has in hand when it stops', async () => {
    await afresh();
    await line.facts.publish(factOf(1));
    let finished = false;
    let began = false;
    const following = line.facts.follow({
      durable: 'stopping',
      handle: async () => {
        began = true;
        await delay(200);
        finished = true;
      },
    });
    await until(() => began);
    await following.stop();
    expect(finished).toBe(true);
    expect((await (await manager()).consumers.info('FACTS', 'stopping')).num_ack_pending).toBe(0);
  });
});
