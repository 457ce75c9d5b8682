import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { session } from '#contracts/session';
import { Admin } from '../support/admin.js';
import { busOf } from '../support/bus.js';
import { eventually } from '../support/eventually.js';
import type { Answer } from '../support/http.js';
import type { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';
import { portalOf, type Visitor, verify, visit } from '../support/visitor.js';

/** In milliseconds: so long a gateway may go by what it knows. */
const patienceMs = 4_000;

describe('a gateway that no longer hears of revocations', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  let visitor: Visitor;
  let line: Awaited<ReturnType<typeof busOf>>;
  const paused = new Set<Parameters<Stack['signal']>[0]>();

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false, env: { LIMITS: 'claim=1000/1m,link=1000/1m' } });
    admin = new Admin(stack);
    partner = await portalOf(admin);
    visitor = await visit(stack.url, partner);
    line = await busOf(stack);
    await trusting();
  }, startMs);
  afterAll(async () => {
    await line?.close();
    await stack?.stop();
  });
  afterEach(async () => {
    for (const name of paused) stack.signal(name, 'SIGCONT');
    paused.clear();
    await trusting();
  }, 30_000);

  const pause = (name: Parameters<Stack['signal']>[0]) => {
    stack.signal(name, 'SIGSTOP');
    paused.add(name);
  };
  const resume = (name: Parameters<Stack['signal']>[0]) => {
    stack.signal(name, 'SIGCONT');
    paused.delete(name);
  };

  const told = () => readFileSync(stack.logOf('gateway'), 'utf8').match(/revocations (are known|may be)/g) ?? [];
  const trusting = () =>
    eventually(
      async () => told().at(-1),
      (last) => last === 'revocations are known',
      20_000,
    );
  const ask = () => verify(stack.url, visitor.accessToken);
  const timed = async (work: () => Promise<Answer>) => {
    const began = performance.now();
    const { status } = await work();
    return { status, took: performance.now() - began };
  };
  const becomes = (status: number, withinMs: number) =>
    eventually(
      async () => (await ask()).status,
      (seen) => seen === status,
      withinMs,
    );

  it('goes by what it knows for a moment, then asks, says 503 where nobody answers, and recovers without help', async () => {
    pause('session');
    const began = performance.now();
    const known = await timed(ask);
    expect(known.status).toBe(204);
    expect(known.took).toBeLessThan(500);
    await eventually(
      async () => told().at(-1),
      (last) => last === 'revocations may be',
      patienceMs + 1_500,
    );
    expect(performance.now() - began).toBeLessThan(patienceMs + 1_500);
    const { status, took } = await timed(ask);
    expect(status).toBe(503);
    expect(took).toBeLessThan(5_000);
    resume('session');
    await becomes(204, 5_000);
    await trusting();
  }, 40_000);

  it('of one owner asks the others: nobody is refused who should not be', async () => {
    pause('identity');
    const until = performance.now() + patienceMs + 2_000;
    while (performance.now() < until) {
      expect((await ask()).status).toBe(204);
      await sleep(100);
    }
    expect(told().at(-1)).toBe('revocations may be');
  }, 40_000);

  it('because it stood still itself trusts nothing it knew: what was revoked meanwhile is refused from the first request on', async () => {
    const [gone, staying] = [await visit(stack.url, partner), await visit(stack.url, partner)];
    expect((await verify(stack.url, gone.accessToken)).status).toBe(204);
    pause('gateway');
    await sleep(patienceMs + 1_000);
    // Its connection lives on: what is stated now waits in its socket, behind a heap of old beats.
    await line.bus.ask(session.close, { clientId: partner.clientId, subject: gone.userId, reason: 'admin' });
    await sleep(1_500);
    resume('gateway');
    const answers = await Promise.all([
      ...Array.from({ length: 20 }, () => verify(stack.url, gone.accessToken)),
      verify(stack.url, staying.accessToken),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 20 }, () => 401), 204]);
  }, 40_000);

  it('because the broker stood still is told by the clock', async () => {
    const { userId, accessToken } = await visit(stack.url, partner);
    pause('NATS');
    await sleep(patienceMs + 500);
    expect((await ask()).status).toBe(503);
    resume('NATS');
    await becomes(204, 15_000);
    await admin.delete(`clients/${partner.clientId}/users/${userId}/sessions`);
    await eventually(
      async () => (await verify(stack.url, accessToken)).status,
      (status) => status === 401,
      5_000,
    );
  }, 60_000);

  it('of a beat reads everything anew', async () => {
    const before = told().length;
    const beat = (number: number) =>
      line.connection.live?.publish(
        'segue.beat.session',
        JSON.stringify({ publishedUpTo: Date.now(), sender: 'spec', number }),
      );
    beat(1);
    beat(3);
    await line.connection.live?.flush();
    await eventually(
      async () => told().length,
      (count) => count === before + 2,
    );
    expect(told().slice(before)).toEqual(['revocations may be', 'revocations are known']);
  }, 20_000);
});
