import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { type CanActivate, type ExecutionContext, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import { Fault, type FaultCode, isFaultCode } from '#contracts/fault';
import { type Received, service } from '#contracts/service';
import type { Line } from './bus.module.js';
import { currentCall, newCall, traceId, withCall } from './call.js';
import { NatsServer } from './nats-server.support.js';
import { openSpecLine, type Replica, startReplica } from './replica.support.js';
import { Serve } from './serve.js';

const probe = service('probe', {
  echo: {
    request: z.strictObject({
      text: z.string().max(10),
      inner: z.strictObject({ n: z.int() }).optional(),
      times: z.int().default(1),
    }),
    reply: z.strictObject({ text: z.string(), times: z.int() }),
    faults: [],
  },
  nothing: { request: z.strictObject({}), reply: z.null(), faults: [] },
  call: { request: z.strictObject({}), reply: z.strictObject({ deadline: z.int(), trace: z.string() }), faults: [] },
  refuse: { request: z.strictObject({ code: z.string() }), reply: z.null(), faults: ['link.refused'] },
  slow: { request: z.strictObject({ ms: z.int(), id: z.string() }), reply: z.string(), faults: [] },
});
const absent = service('absent', {
  verb: { request: z.strictObject({}), reply: z.null(), faults: [] },
});

const executed: string[] = [];
let guarded = 0;

class CountingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    guarded++;
    return context.getType() === 'rpc';
  }
}

@Serve(probe)
@UseGuards(CountingGuard)
class ProbeController {
  async echo({ text, times }: Received<typeof probe.echo>) {
    return { text, times };
  }

  async nothing() {
    return null;
  }

  async call() {
    const call = currentCall();
    if (!call) throw new Error('outside of any call');
    return { deadline: call.deadline, trace: traceId(call) };
  }

  async refuse({ code }: Received<typeof probe.refuse>): Promise<null> {
    if (isFaultCode(code)) throw new Fault(code, { detail: 'safe', cause: new Error('only here') });
    throw new TypeError('a bug with internals');
  }

  async slow({ ms, id }: Received<typeof probe.slow>) {
    executed.push(id);
    await delay(ms);
    return id;
  }
}

const codeOf = (reason: unknown) => (reason instanceof Fault ? reason.code : reason);
const thrown = (promise: Promise<unknown>) => promise.then(() => 'nothing', codeOf);

describe('the bus', () => {
  let nats: NatsServer;
  let replicas: Replica[];
  let asker: Line & { lines: Record<string, unknown>[] };
  let raw: NatsConnection;

  beforeAll(async () => {
    nats = await NatsServer.start();
    replicas = await Promise.all([1, 2].map(() => startReplica('probe', nats.url, ProbeController)));
    asker = openSpecLine(nats.url);
    raw = await connect({ servers: nats.url.reveal() });
    await asker.connection.ready;
  });

  afterAll(async () => {
    await raw.close();
    for (const { app } of replicas) await app.close();
    asker.requests.close();
    await asker.connection.close();
    await nats[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    executed.length = 0;
    for (const { lines } of [asker, ...replicas]) lines.length = 0;
  });

  const served = () => replicas.flatMap(({ lines }) => lines);

  it('carries a request and its reply, defaults filled', async () => {
    await expect(asker.bus.ask(probe.echo, { text: 'hi' })).resolves.toEqual({ text: 'hi', times: 1 });
  });

  it('carries null', async () => {
    await expect(asker.bus.ask(probe.nothing, {})).resolves.toBeNull();
  });

  it('matches a thousand replies at once to their asks', async () => {
    const asks = Array.from({ length: 1_000 }, (_, n) => asker.bus.ask(probe.echo, { text: 'x', times: n }));
    expect((await Promise.all(asks)).map(({ times }) => times)).toEqual(asks.map((_, n) => n));
  });

  it('runs Nest guards before a handler', async () => {
    const before = guarded;
    await asker.bus.ask(probe.nothing, {});
    expect(guarded).toBe(before + 1);
  });

  it('refuses what the schema does not allow, naming paths and never values', async () => {
    const request = { text: 'much too long', inner: { n: 'not a number' }, surplus: 'sent' } as never;
    const fault = await asker.bus.ask(probe.echo, request).catch((error: Fault) => error);
    expect(fault).toMatchObject({ code: 'request.invalid', detail: 'text, inner.n, (request)' });
  });

  it('refuses a body that is not JSON', async () => {
    const reply = await raw.request('segue.probe.echo', '{"text":', { timeout: 1_000 });
    expect(reply.json()).toMatchObject({ fault: { code: 'request.invalid', detail: 'not JSON' } });
  });

  it('answers a declared fault with its detail; the cause stays at its origin', async () => {
    const fault = await asker.bus.ask(probe.refuse, { code: 'link.refused' }).catch((error: Fault) => error);
    expect(fault).toMatchObject({ code: 'link.refused', detail: 'safe' });
    expect(fault).not.toHaveProperty('cause');
    expect(served()).toEqual([expect.objectContaining({ level: 'debug', code: 'link.refused' })]);
  });

  it.each<FaultCode>(['service.busy', 'service.silent'])('answers %s undeclared: any verb may', async (code) => {
    await expect(thrown(asker.bus.ask(probe.refuse, { code }))).resolves.toBe(code);
  });

  it('turns an undeclared fault into internal, loudly at its origin', async () => {
    await expect(thrown(asker.bus.ask(probe.refuse, { code: 'key.refused' }))).resolves.toBe('internal');
    const line = served().find(({ level }) => level === 'error');
    expect(line).toMatchObject({ verb: 'segue.probe.refuse', err: { message: 'key.refused' } });
  });

  it('turns a bug into internal: stack in the log of its origin, nothing of it on the wire', async () => {
    const call = newCall(Date.now(), 1_000);
    const head = headers();
    head.set('traceparent', call.traceparent);
    const reply = await raw.request('segue.probe.refuse', '{"code":"no code"}', { timeout: 1_000, headers: head });
    expect(reply.json()).toEqual({ fault: { code: 'internal', trace: traceId(call) } });
    const lines = served().filter(({ level }) => level === 'error');
    expect(lines).toEqual([
      expect.objectContaining({ trace: traceId(call), err: expect.objectContaining({ type: 'TypeError' }) }),
    ]);
  });

  it('takes an answer it does not understand as internal, loudly', async () => {
    const sub = raw.subscribe('segue.absent.verb', {
      callback: (_, message) => void message.respond('{"fault":{"code":"new.one"}}'),
    });
    await raw.flush();
    const call = newCall(Date.now(), 1_000);
    await expect(thrown(withCall(call, () => asker.bus.ask(absent.verb, {})))).resolves.toBe('internal');
    const line = { level: 'error', code: 'new.one', trace: traceId(call) };
    expect(asker.lines).toEqual([expect.objectContaining(line)]);
    sub.unsubscribe();
    await raw.flush();
  });

  it('answers service.unavailable at once where nobody listens', async () => {
    const before = performance.now();
    await expect(thrown(asker.bus.ask(absent.verb, {}))).resolves.toBe('service.unavailable');
    expect(performance.now() - before).toBeLessThan(500);
  });

  it('hands the deadline and the trace of the call on', async () => {
    const call = newCall(Date.now(), 1_500);
    const seen = await withCall(call, () => asker.bus.ask(probe.call, {}));
    expect(seen.trace).toBe(traceId(call));
    expect(Math.abs(seen.deadline - call.deadline)).toBeLessThanOrEqual(1);
  });

  it('never gives an ask more than 2 s', async () => {
    const seen = await withCall(newCall(Date.now(), 60_000), () => asker.bus.ask(probe.call, {}));
    expect(seen.deadline).toBeLessThanOrEqual(Date.now() + 2_000);
  });

  it('answers service.silent when the deadline passes without an answer', async () => {
    const before = performance.now();
    const ask = withCall(newCall(Date.now(), 200), () => asker.bus.ask(probe.slow, { ms: 400, id: 'late' }));
    await expect(thrown(ask)).resolves.toBe('service.silent');
    expect(performance.now() - before).toBeLessThan(350);
    expect(executed).toEqual(['late']);
  });

  it('sends nothing when the deadline has passed before the ask', async () => {
    const ask = withCall(newCall(Date.now(), -1), () => asker.bus.ask(probe.slow, { ms: 0, id: 'never' }));
    await expect(thrown(ask)).resolves.toBe('service.unavailable');
    await delay(50);
    expect(executed).toEqual([]);
  });

  it('sends nothing when the deadline passes while the event loop is blocked', async () => {
    const ask = withCall(newCall(Date.now(), 20), () => asker.bus.ask(probe.slow, { ms: 0, id: 'never' }));
    const until = Date.now() + 40;
    while (Date.now() < until);
    await expect(thrown(ask)).resolves.toBe('service.unavailable');
    await delay(50);
    expect(executed).toEqual([]);
  });

  it('drops work whose deadline has passed, without an answer', async () => {
    const head = headers();
    head.set('segue-deadline', String(Date.now() - 1));
    const answer = raw.request('segue.probe.slow', '{"ms":0,"id":"dropped"}', { timeout: 200, headers: head });
    await expect(answer).rejects.toThrow('timeout');
    expect(executed).toEqual([]);
  });

  it('shares work between replicas: one request, one execution', async () => {
    const ids = Array.from({ length: 400 }, () => randomUUID());
    await Promise.all(ids.map((id) => asker.bus.ask(probe.slow, { ms: 1, id })));
    expect([...executed].sort()).toEqual([...ids].sort());
  });

  it('answers service.busy beyond what may wait, and sends none of it', async () => {
    const tight = openSpecLine(nats.url);
    await tight.connection.ready;
    const { Requests } = await import('./requests.js');
    const { Bus, NatsCarrier } = await import('./bus.js');
    const requests = new Requests(tight.connection, 10);
    const bus = new Bus(new NatsCarrier(requests), tight.log);
    const asks = Array.from({ length: 15 }, (_, n) => thrown(bus.ask(probe.slow, { ms: 50, id: String(n) })));
    const outcomes = await Promise.all(asks);
    expect(outcomes.filter((outcome) => outcome === 'service.busy')).toHaveLength(5);
    expect(executed).toHaveLength(10);
    requests.close();
    tight.requests.close();
    await tight.connection.close();
  });

  it('answers service.busy where a replica has too much in hand', async () => {
    const small = await startReplica('small', nats.url, SmallController, 2);
    const asks = [1, 2, 3].map(() => thrown(asker.bus.ask(little.wait, {})));
    expect((await Promise.all(asks)).sort()).toEqual(['nothing', 'nothing', 'service.busy']);
    await small.app.close();
  });

  it('tells a reply that cannot be sent from one that can', async () => {
    const big = await startReplica('big', nats.url, BigController);
    await expect(thrown(asker.bus.ask(large.load, {}))).resolves.toBe('internal');
    expect(big.lines).toContainEqual(expect.objectContaining({ level: 'error' }));
    await big.app.close();
  });
});

const little = service('little', { wait: { request: z.strictObject({}), reply: z.null(), faults: [] } });

@Serve(little)
class SmallController {
  async wait() {
    await delay(100);
    return null;
  }
}

const large = service('large', { load: { request: z.strictObject({}), reply: z.string(), faults: [] } });

@Serve(large)
class BigController {
  async load() {
    return 'x'.repeat(2_000_000);
  }
}
