import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Fault } from '#contracts/fault';
import { type Received, service } from '#contracts/service';
import type { Line } from './bus.module.js';
import { newCall, withCall } from './call.js';
import { NatsServer } from './nats-server.support.js';
import { openSpecLine, type Replica, startReplica } from './replica.support.js';
import { Serve } from './serve.js';

const work = service('work', {
  run: { request: z.strictObject({ id: z.string(), ms: z.int().default(0) }), reply: z.string(), faults: [] },
});

const executed: string[] = [];

@Serve(work)
class WorkController {
  async run({ id, ms }: Received<typeof work.run>) {
    executed.push(id);
    if (ms > 0) await delay(ms);
    return id;
  }
}

const codeOf = (reason: unknown) => (reason instanceof Fault ? reason.code : reason);

async function until(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it never came true');
    await delay(20);
  }
}

describe('the bus, when NATS or a replica goes away', () => {
  let nats: NatsServer;
  let replica: Replica;
  let asker: Line;

  beforeAll(async () => {
    nats = await NatsServer.start();
    replica = await startReplica('work', nats.url, WorkController);
    asker = openSpecLine(nats.url);
    await asker.connection.ready;
  });

  afterAll(async () => {
    await replica.app.close();
    asker.requests.close();
    await asker.connection.close();
    await nats[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    executed.length = 0;
  });

  const ask = (id: string, ms = 0) => asker.bus.ask(work.run, { id, ms }).catch(codeOf);
  const works = async () => (await ask('probe')) === 'probe';

  it('answers service.silent as soon as the connection is lost between ask and answer', async () => {
    await until(works);
    const before = performance.now();
    const pending = ask('in flight', 1_500);
    await until(() => executed.includes('in flight'));
    await nats.kill();
    await expect(pending).resolves.toBe('service.silent');
    expect(performance.now() - before).toBeLessThan(1_000);
    await nats.up();
    await until(works);
  });

  it('answers service.unavailable at once without NATS, and never executes what was refused', async () => {
    await until(works);
    await nats.kill();
    await until(() => !asker.connection.connected);
    const before = performance.now();
    const refused = Array.from({ length: 50 }, (_, n) => ask(`refused ${n}`));
    await expect(Promise.all(refused)).resolves.toEqual(refused.map(() => 'service.unavailable'));
    expect(performance.now() - before).toBeLessThan(500);
    await nats.up();
    await until(works);
    await delay(300);
    expect(executed.filter((id) => id.startsWith('refused'))).toEqual([]);
  });

  it('tells the truth throughout a restart: what was not executed never is, nothing runs twice', async () => {
    await until(works);
    const outcomes = new Map<string, unknown>();
    let asking = true;
    const askers = Array.from({ length: 20 }, async (_, asker) => {
      for (let n = 0; asking; n++) {
        const id = `${asker}.${n}`;
        outcomes.set(id, await ask(id));
        await delay(1);
      }
    });
    for (let round = 0; round < 3; round++) {
      await delay(200);
      await nats.kill();
      await delay(100);
      await nats.up();
      await until(works);
    }
    asking = false;
    await Promise.all(askers);

    const runs = Map.groupBy(
      executed.filter((id) => id !== 'probe'),
      (id) => id,
    );
    const ran = (code: unknown) => [...outcomes].filter(([id, outcome]) => outcome === code && runs.has(id));
    expect(ran('service.unavailable')).toEqual([]);
    expect([...runs.values()].filter((times) => times.length > 1)).toEqual([]);
    const answered = [...outcomes].filter(([id, outcome]) => outcome === id);
    expect(answered.length).toBeGreaterThan(100);
    expect(answered.every(([id]) => runs.has(id))).toBe(true);
    const kinds = new Set([...outcomes].map(([id, outcome]) => (outcome === id ? 'answered' : outcome)));
    expect(kinds.has('service.unavailable')).toBe(true);
    expect(
      [...kinds].every((kind) => ['answered', 'service.unavailable', 'service.silent'].includes(String(kind))),
    ).toBe(true);
  }, 60_000);

  it('answers service.silent in time when NATS hangs, and goes on by itself', async () => {
    await until(works);
    nats.pause();
    const before = performance.now();
    const hung = withCall(newCall(Date.now(), 400), () => ask('hung'));
    await expect(hung).resolves.toBe('service.silent');
    expect(performance.now() - before).toBeLessThan(600);
    nats.resume();
    await until(works);
    // It reached the service after its deadline.
    expect(executed).not.toContain('hung');
  });

  it('opens without NATS, refuses at once, and works when NATS comes', async () => {
    await nats.kill();
    const early = openSpecLine(nats.url);
    await expect(early.bus.ask(work.run, { id: 'early' }).catch(codeOf)).resolves.toBe('service.unavailable');
    await nats.up();
    await until(async () => (await early.bus.ask(work.run, { id: 'now' }).catch(codeOf)) === 'now');
    expect(executed).not.toContain('early');
    early.requests.close();
    await early.connection.close();
  });

  it('loses no request when one of two replicas is drained', async () => {
    const second = await startReplica('work', nats.url, WorkController);
    await until(works);
    const outcomes: [string, unknown][] = [];
    let asking = true;
    const askers = Array.from({ length: 50 }, async (_, asker) => {
      for (let n = 0; asking; n++) {
        const id = `drain ${asker}.${n}`;
        outcomes.push([id, await ask(id, n % 20)]);
      }
    });
    await delay(200);
    const before = performance.now();
    await second.app.close();
    expect(performance.now() - before).toBeLessThan(1_500);
    await delay(200);
    asking = false;
    await Promise.all(askers);
    expect(outcomes.length).toBeGreaterThan(500);
    expect(outcomes.filter(([id, outcome]) => outcome !== id)).toEqual([]);
    expect(new Set(executed.filter((id) => id.startsWith('drain'))).size).toBe(outcomes.length);
  });

  it('waits no longer than a second for work that does not end', async () => {
    const stuck = await startReplica('stuck', nats.url, StuckController);
    const pending = asker.bus.ask(stuckWork.run, {}).catch(codeOf);
    await delay(50);
    const before = performance.now();
    await stuck.app.close();
    expect(performance.now() - before).toBeLessThan(1_300);
    await expect(pending).resolves.toBe('service.silent');
  });
});

const stuckWork = service('stuck', { run: { request: z.strictObject({}), reply: z.null(), faults: [] } });

@Serve(stuckWork)
class StuckController {
  async run() {
    await delay(3_000);
    return null;
  }
}
