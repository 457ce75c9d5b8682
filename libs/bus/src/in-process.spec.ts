import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  type ExecutionContext,
  type INestMicroservice,
  Module,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { z } from 'zod';
import { Fault, type FaultCode, isFaultCode } from '#contracts/fault';
import { type Received, service } from '#contracts/service';
import { createLog } from '#log/log';
import { Bus } from './bus.js';
import { currentCall, newCall, traceId, withCall } from './call.js';
import { InProcessCarrier, InProcessStrategy } from './in-process.js';
import { Serve } from './serve.js';

const shelf = service('shelf', {
  put: {
    request: z.strictObject({
      names: z.array(z.string().max(10)),
      inner: z.strictObject({ n: z.int() }).optional(),
      times: z.int().default(1),
    }),
    reply: z.strictObject({ names: z.array(z.string()), times: z.int() }),
    faults: [],
  },
  see: { request: z.strictObject({}), reply: z.strictObject({ names: z.array(z.string()) }), faults: [] },
  nothing: { request: z.strictObject({}), reply: z.null(), faults: [] },
  call: { request: z.strictObject({}), reply: z.strictObject({ deadline: z.int(), trace: z.string() }), faults: [] },
  refuse: { request: z.strictObject({ code: z.string() }), reply: z.null(), faults: ['link.refused'] },
  slow: { request: z.strictObject({ ms: z.int(), id: z.string() }), reply: z.string(), faults: [] },
});
const absent = service('absent', { verb: { request: z.strictObject({}), reply: z.null(), faults: [] } });

let executed: string[];
let kept: { names: string[] };
let guarded: number;

class CountingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    guarded++;
    return context.getType() === 'rpc';
  }
}

@Serve(shelf)
@UseGuards(CountingGuard)
class ShelfController {
  async put({ names, times }: Received<typeof shelf.put>) {
    kept = { names };
    return { names, times };
  }

  async see() {
    return kept;
  }

  async nothing() {
    return null;
  }

  async call() {
    const call = currentCall();
    if (!call) throw new Error('outside of any call');
    return { deadline: call.deadline, trace: traceId(call) };
  }

  async refuse({ code }: Received<typeof shelf.refuse>): Promise<null> {
    if (isFaultCode(code)) throw new Fault(code, { detail: 'safe', cause: new Error('only here') });
    throw new TypeError('a bug with internals');
  }

  async slow({ ms, id }: Received<typeof shelf.slow>) {
    executed.push(id);
    await delay(ms);
    return id;
  }
}

const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => 'nothing',
    (reason) => (reason instanceof Fault ? reason.code : reason),
  );

describe('the bus within one process', () => {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ service: 'spec', level: 'debug', write: (line) => lines.push(JSON.parse(line)) });
  let carrier: InProcessCarrier;
  let bus: Bus;
  let apps: INestMicroservice[];

  async function start(controller: Type, most?: number): Promise<INestMicroservice> {
    @Module({ controllers: [controller] })
    class Root {}

    const strategy = new InProcessStrategy({ carrier, log, ...(most && { most }) });
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(Root, {
      strategy,
      logger: false,
      abortOnError: false,
    });
    apps.push(app);
    strategy.callDirectly((type) => app.get(type, { strict: false }));
    await app.listen();
    return app;
  }

  beforeEach(async () => {
    [executed, apps, guarded, lines.length] = [[], [], 0, 0];
    carrier = new InProcessCarrier();
    bus = new Bus(carrier, log);
    await start(ShelfController);
  });

  afterEach(async () => {
    for (const app of apps) await app.close();
    carrier.close();
  });

  it('carries a request and its reply, defaults filled; null too', async () => {
    await expect(bus.ask(shelf.put, { names: ['hi'] })).resolves.toEqual({ names: ['hi'], times: 1 });
    await expect(bus.ask(shelf.nothing, {})).resolves.toBeNull();
  });

  it('gives either side a copy: what one changes afterwards does not reach the other', async () => {
    const names = ['mine'];
    const reply = await bus.ask(shelf.put, { names });
    names.push('the asker’s');
    reply.names.push('the reply’s');
    const seen = await bus.ask(shelf.see, {});
    expect(seen).toEqual({ names: ['mine'] });
    seen.names.push('once more');
    expect(kept).toEqual({ names: ['mine'] });
    kept.names.push('the server’s');
    expect(seen.names).toEqual(['mine', 'once more']);
  });

  it('carries what JSON carries, and nothing else', async () => {
    kept = { names: ['kept'], at: new Date(0), gone: undefined } as never;
    await expect(bus.ask(shelf.see, {})).resolves.toEqual({ names: ['kept'], at: '1970-01-01T00:00:00.000Z' });
    expect(await bus.ask(shelf.see, {})).not.toHaveProperty('gone');
  });

  it('runs Nest guards before a handler', async () => {
    await bus.ask(shelf.nothing, {});
    expect(guarded).toBe(1);
  });

  it('refuses what the schema does not allow, naming paths and never values', async () => {
    const request = { names: ['much too long'], inner: { n: 'not a number' }, surplus: 'sent' } as never;
    const fault = await bus.ask(shelf.put, request).catch((error: Fault) => error);
    expect(fault).toMatchObject({ code: 'request.invalid', detail: 'names.0, inner.n, (request)' });
  });

  it('answers a declared fault with its detail; the cause stays in the log', async () => {
    const fault = await bus.ask(shelf.refuse, { code: 'link.refused' }).catch((error: Fault) => error);
    expect(fault).toMatchObject({ code: 'link.refused', detail: 'safe' });
    expect(fault).not.toHaveProperty('cause');
    expect(lines).toEqual([expect.objectContaining({ level: 'debug', code: 'link.refused' })]);
  });

  it.each<FaultCode>(['service.busy', 'service.silent'])('answers %s undeclared: any verb may', async (code) => {
    await expect(thrown(bus.ask(shelf.refuse, { code }))).resolves.toBe(code);
  });

  it('turns an undeclared fault into internal, loudly, once', async () => {
    await expect(thrown(bus.ask(shelf.refuse, { code: 'key.refused' }))).resolves.toBe('internal');
    expect(lines).toEqual([
      expect.objectContaining({ level: 'error', verb: 'segue.shelf.refuse', err: expect.anything() }),
    ]);
  });

  it('turns a bug into internal: its stack in the log under its trace, nothing of it for the asker', async () => {
    const call = newCall(Date.now(), 1_000);
    const ask = withCall(call, () => bus.ask(shelf.refuse, { code: 'no code' }));
    const fault = await ask.catch((error: Fault) => error);
    expect(fault).toMatchObject({ code: 'internal' });
    expect(fault).not.toHaveProperty('cause');
    expect(lines).toEqual([
      expect.objectContaining({ trace: traceId(call), err: expect.objectContaining({ type: 'TypeError' }) }),
    ]);
  });

  it('takes an answer it does not understand as internal, loudly', async () => {
    carrier.serve(absent.verb.subject, (_body, _call, to) => to.give('{"fault":{"code":"new.one"}}'));
    await expect(thrown(bus.ask(absent.verb, {}))).resolves.toBe('internal');
    expect(lines).toEqual([expect.objectContaining({ level: 'error', code: 'new.one' })]);
  });

  it('answers service.unavailable at once where nobody serves', async () => {
    const before = performance.now();
    await expect(thrown(bus.ask(absent.verb, {}))).resolves.toBe('service.unavailable');
    expect(performance.now() - before).toBeLessThan(500);
  });

  it('refuses a second service for the same verbs', async () => {
    await expect(start(ShelfController)).rejects.toThrow('is served twice');
  });

  it('hands the deadline and the trace of the call on', async () => {
    const call = newCall(Date.now(), 1_500);
    const seen = await withCall(call, () => bus.ask(shelf.call, {}));
    expect(seen).toEqual({ deadline: call.deadline, trace: traceId(call) });
  });

  it('never gives an ask more than 2 s', async () => {
    const seen = await withCall(newCall(Date.now(), 60_000), () => bus.ask(shelf.call, {}));
    expect(seen.deadline).toBeLessThanOrEqual(Date.now() + 2_000);
  });

  it('answers service.silent when the deadline passes without an answer; the late one is dropped', async () => {
    const before = performance.now();
    const ask = withCall(newCall(Date.now(), 200), () => bus.ask(shelf.slow, { ms: 400, id: 'late' }));
    await expect(thrown(ask)).resolves.toBe('service.silent');
    expect(performance.now() - before).toBeLessThan(350);
    expect(executed).toEqual(['late']);
    await delay(300);
    await expect(bus.ask(shelf.slow, { ms: 0, id: 'next' })).resolves.toBe('next');
  });

  it('runs nothing whose deadline has passed', async () => {
    const late = withCall(newCall(Date.now(), -1), () => bus.ask(shelf.slow, { ms: 0, id: 'never' }));
    await expect(thrown(late)).resolves.toBe('service.unavailable');
    const body = JSON.stringify({ ms: 0, id: 'never' });
    const carried = new Promise((answered, failed) => {
      carrier.carry(shelf.slow.subject, body, Date.now() - 1, '', { answered, failed });
    });
    await expect(thrown(carried)).resolves.toBe('service.unavailable');
    expect(executed).toEqual([]);
  });

  it('answers service.busy where a service has too much in hand, and runs none of it', async () => {
    await start(SmallController, 2);
    const asks = [1, 2, 3].map(() => thrown(bus.ask(little.wait, {})));
    expect((await Promise.all(asks)).sort()).toEqual(['nothing', 'nothing', 'service.busy']);
    expect(executed).toEqual(['small', 'small']);
    await expect(bus.ask(little.wait, {})).resolves.toBeNull();
  });

  it('finishes what is in hand when it is closed, and takes nothing new', async () => {
    const app = await start(SmallController);
    const inHand = bus.ask(little.wait, {});
    const closed = app.close();
    await expect(thrown(bus.ask(little.wait, {}))).resolves.toBe('service.unavailable');
    await expect(inHand).resolves.toBeNull();
    await closed;
    expect(executed).toEqual(['small']);
  });

  it('waits no longer than a second for work that does not end, and gives up whoever waits at the end', async () => {
    const pending = thrown(bus.ask(shelf.slow, { ms: 1_900, id: 'stuck' }));
    const before = performance.now();
    for (const app of apps) await app.close();
    expect(performance.now() - before).toBeLessThan(1_300);
    carrier.close();
    await expect(pending).resolves.toBe('service.silent');
    expect(performance.now() - before).toBeLessThan(1_400);
  });
});

const little = service('little', { wait: { request: z.strictObject({}), reply: z.null(), faults: [] } });

@Serve(little)
class SmallController {
  async wait() {
    executed.push('small');
    await delay(100);
    return null;
  }
}
