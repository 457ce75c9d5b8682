import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { KeyHolder } from '../../support/api-key.js';
import { tapBus } from '../../support/bus.js';
import { eventually } from '../../support/eventually.js';
import { request } from '../../support/http.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

/** R-26, in milliseconds. */
const boundMs = 5_000;
const authenticate = 'segue.token.authenticate';

describe('an API key the gateway knows', () => {
  let stack: Stack;
  let admin: Admin;
  let holder: KeyHolder;
  let bus: Awaited<ReturnType<typeof tapBus>>;

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false });
    admin = new Admin(stack);
    bus = await tapBus(stack);
  }, startMs);
  beforeEach(async () => {
    holder = await KeyHolder.register(admin, { features: { shortLivedToken: true } });
  });
  afterAll(async () => {
    await bus?.close();
    await stack?.stop();
  });

  const use = async (key: string) =>
    (await request(`${stack.url}/api/clients/jwt/token`, { headers: { apikey: key } })).status;
  const lookUps = async () => (await bus.asked()).filter((subject) => subject === authenticate).length;

  /** Uses a key without a break, so that it is never cold. @returns how long after `change` it was refused, in ms */
  async function refusedAfter(key: string, change: () => Promise<unknown>): Promise<number> {
    await eventually(
      () => use(key),
      (status) => status === 200,
    );
    await change();
    const began = performance.now();
    while ((await use(key)) === 200) {
      if (performance.now() - began > boundMs + 1_000) throw new Error('it is good for ever');
      await sleep(20);
    }
    return performance.now() - began;
  }

  it('is looked up once in three seconds, however often it is used', async () => {
    const { key } = await holder.newKey(['tokens.issue']);
    await eventually(
      () => use(key),
      (status) => status === 200,
    );
    await sleep(3_100);
    bus.clear();
    expect(await Promise.all(Array.from({ length: 20 }, () => use(key)))).toEqual(Array(20).fill(200));
    expect(await lookUps()).toBe(1);
    await sleep(3_100);
    await use(key);
    expect(await lookUps()).toBe(2);
  });

  it('deleted is refused within five seconds although it is in use', async () => {
    const { key, keyId } = await holder.newKey(['tokens.issue']);
    expect(await refusedAfter(key, () => holder.deleteKey(keyId))).toBeLessThan(boundMs);
  });

  it('rotated out is refused within five seconds although it is in use', async () => {
    const { key, keyId } = await holder.newKey(['tokens.issue']);
    expect(await refusedAfter(key, () => holder.rotate(keyId, 0))).toBeLessThan(boundMs);
  });

  it('expired is refused in that very moment although it is in use', async () => {
    const end = Date.now() + 2_500;
    const { key } = await holder.newKey(['tokens.issue'], { expiresAt: new Date(end).toISOString() });
    while ((await use(key)) === 200) await sleep(10);
    expect(Date.now()).toBeGreaterThanOrEqual(end);
    expect(Date.now()).toBeLessThan(end + 1_000);
  });

  it('of a client that is suspended is refused within five seconds although it is in use', async () => {
    const { key } = await holder.newKey(['tokens.issue']);
    expect(await refusedAfter(key, () => holder.become('suspended'))).toBeLessThan(boundMs);
  });

  it('is held to the settings its client has now', async () => {
    const { key } = await holder.newKey(['tokens.issue']);
    expect(await refusedAfter(key, () => holder.set({ features: { shortLivedToken: false } }))).toBeLessThan(boundMs);
    await holder.set({ features: { shortLivedToken: true }, scopes: ['cart.read'] });
    await sleep(1_000);
    expect(await use(key)).toBe(403);
  });

  it('to be wrong is asked for anew each time', async () => {
    const { key } = await holder.newKey(['tokens.issue']);
    const wrong = `${key.slice(0, -3)}aaa`;
    bus.clear();
    for (let turn = 0; turn < 3; turn++) expect(await use(wrong)).toBe(401);
    expect(await lookUps()).toBe(3);
  });

  it('of a client that is restored works again within five seconds', async () => {
    const { key } = await holder.newKey(['tokens.issue']);
    await refusedAfter(key, () => holder.become('suspended'));
    await holder.become('active');
    await eventually(
      () => use(key),
      (status) => status === 200,
      boundMs,
    );
  });
});
