import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Fact, FactType, NewFact } from '#contracts/fact';
import type { Line } from './bus.module.js';
import { newCall, withCall } from './call.js';
import { NatsServer } from './nats-server.support.js';
import { openSpecLine } from './replica.support.js';

const clientId = 'acmeacme';
const userId = randomUUID();
const factOf = <T extends FactType>(fact: NewFact<T>): Fact =>
  ({ id: randomUUID(), at: '2026-11-20T10:00:00.000Z', traceparent: null, ...fact }) as Fact;
const suspended = (epoch: number) =>
  factOf({ type: 'user.suspended', clientId, subject: `user/${userId}`, body: { userId, epoch } });
const restored = factOf({ type: 'user.restored', clientId, subject: `user/${userId}`, body: { userId } });

async function until(condition: () => boolean, withinMs = 10_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error('it never came true');
    await delay(10);
  }
}

describe('the feed of facts', () => {
  let nats: NatsServer;
  let service: Line;
  let gateway: Line;
  let raw: NatsConnection;
  let heard: string[];

  beforeEach(async () => {
    nats = await NatsServer.start();
    service = openSpecLine(nats.url);
    gateway = openSpecLine(nats.url);
    raw = await connect({ servers: nats.url.reveal(), maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    await Promise.all([service.connection.ready, gateway.connection.ready]);
    await service.facts.ensure();
    heard = [];
  });

  afterEach(async () => {
    for (const { facts, requests, connection } of [service, gateway]) {
      await facts.close();
      requests.close();
      await connection.close();
    }
    await raw.close();
    await nats[Symbol.asyncDispose]();
  });

  async function listen({ beats = true } = {}) {
    const listening = gateway.feed.listen({
      types: ['user.suspended', 'session.closed'],
      fact: ({ type, body }) => heard.push(`${type} ${'epoch' in body ? body.epoch : ''}`),
      ...(beats && { beat: (name: string, upTo: number) => heard.push(`beat ${name} ${upTo}`) }),
      interrupted: () => heard.push('interrupted'),
    });
    await gateway.connection.ready;
    await gateway.connection.live?.flush();
    return listening;
  }

  it('brings the wanted facts as they are stored, each before the beat that speaks for it', async () => {
    await listen();
    for (const epoch of [1, 2, 3]) {
      await service.facts.publish(suspended(epoch));
      await service.facts.publish(restored);
      service.feed.beat('identity', epoch * 1_000);
    }
    await until(() => heard.length === 6);
    expect(heard).toEqual([1, 2, 3].flatMap((epoch) => [`user.suspended ${epoch}`, `beat identity ${epoch * 1_000}`]));
  });

  it('keeps the beats of several services and replicas apart', async () => {
    await listen();
    const replica = openSpecLine(nats.url);
    await replica.connection.ready;
    for (const n of [1, 2, 3]) {
      service.feed.beat('identity', n);
      service.feed.beat('session', n);
      replica.feed.beat('session', n);
    }
    await until(() => heard.length === 9);
    expect(heard).not.toContain('interrupted');
    replica.requests.close();
    await replica.connection.close();
  });

  it('says when a beat is missing, before the beat that shows it', async () => {
    await listen();
    const beat = (number: number) =>
      raw.publish('segue.beat.session', JSON.stringify({ publishedUpTo: number, sender: 'a', number }));
    for (const number of [7, 8, 10, 11]) beat(number);
    await until(() => heard.length === 5);
    expect(heard).toEqual(['beat session 7', 'beat session 8', 'interrupted', 'beat session 10', 'beat session 11']);
  });

  it.each([
    ['a beat', 'segue.beat.session', '{"publishedUpTo":"soon"}'],
    ['a fact', 'segue.facts.v1.acmeacme.session.closed', '{}'],
  ])('says when %s cannot be read', async (_name, subject, text) => {
    await listen();
    raw.publish(subject, text);
    await until(() => heard.length === 1);
    expect(heard).toEqual(['interrupted']);
  });

  it('says when the connection was lost, and brings what comes afterwards without help', async () => {
    await listen();
    service.feed.beat('session', 1);
    await until(() => heard.length === 1);
    await nats.kill();
    await until(() => !gateway.connection.connected && !service.connection.connected);
    service.feed.beat('session', 2);
    await nats.up();
    await until(() => gateway.connection.connected && service.connection.connected);
    await service.facts.publish(suspended(5));
    service.feed.beat('session', 3);
    await until(() => heard.includes('beat session 3'));
    expect(heard).toEqual(['beat session 1', 'interrupted', 'user.suspended 5', 'beat session 3']);
  });

  it('is silent once stopped, interruptions included', async () => {
    const listening = await listen();
    listening.stop();
    await service.facts.publish(suspended(1));
    await nats.kill();
    await until(() => !gateway.connection.connected);
    await delay(50);
    expect(heard).toEqual([]);
  });
});

describe('a follower', () => {
  let nats: NatsServer;
  let line: Line;

  beforeEach(async () => {
    nats = await NatsServer.start();
    line = openSpecLine(nats.url);
    await line.connection.ready;
    await line.facts.ensure();
  });

  afterEach(async () => {
    await line.facts.close();
    line.requests.close();
    await line.connection.close();
    await nats[Symbol.asyncDispose]();
  });

  it('has caught up when what was stated before is handled, and not earlier', async () => {
    const handled: string[] = [];
    const following = line.facts.follow({
      durable: 'slow',
      types: ['user.suspended'],
      handle: async (facts) => {
        await delay(300);
        handled.push(...facts.map(({ id }) => id));
      },
    });
    const stated = [suspended(1), restored, suspended(2), restored];
    for (const fact of stated) await line.facts.publish(fact);
    while ((await following.caughtUp().catch(() => 'not yet')) === 'not yet') await delay(10);
    expect(handled).toEqual([stated[0]?.id, stated[2]?.id]);
    await following.caughtUp();
  });

  it('has caught up under a stream of facts that never ends', async () => {
    const following = line.facts.follow({ durable: 'busy', types: ['user.suspended'], handle: () => delay(5) });
    let stating = true;
    const stream = (async () => {
      for (let epoch = 0; stating; epoch++) await line.facts.publish(suspended(epoch));
    })();
    await delay(300);
    const before = performance.now();
    await following.caughtUp();
    expect(performance.now() - before).toBeLessThan(1_500);
    stating = false;
    await stream;
  });

  it('gives up when the time of the call is over', async () => {
    let release = () => {};
    const following = line.facts.follow({
      durable: 'stuck',
      types: ['user.suspended'],
      handle: () => new Promise((resolve) => (release = resolve)),
    });
    await line.facts.publish(suspended(1));
    await delay(300);
    const asked = withCall(newCall(Date.now(), 200), () => following.caughtUp());
    await expect(asked).rejects.toMatchObject({ code: 'service.busy' });
    release();
  });
});
