import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultLimits } from '../../apps/gateway/src/http/limits.js';
import { Admin } from '../support/admin.js';
import { differences, standingOf } from '../support/database.js';
import { type Door, deadOf, doorless, doorsOf } from '../support/doors.js';
import { type Answer, request } from '../support/http.js';
import { allRoutes } from '../support/routes.js';
import { type Stack, startMs, startStack } from '../support/stack.js';
import { type Kind, Wallet } from '../support/wallet.js';

const patience = 120_000;

/** S-98: nothing crosses from one client to another, at no door of no protocol. */
describe('two clients at every door', () => {
  let stack: Stack;
  let admin: Admin;
  let mine: Wallet;
  let theirs: Wallet;
  let myDoors: Door[];
  let theirDoors: Door[];

  beforeAll(async () => {
    const LIMITS = Object.keys(defaultLimits)
      .map((name) => `${name}=100000/1m`)
      .join(',');
    stack = await startStack({ env: { LIMITS } });
    admin = new Admin(stack);
    [mine, theirs] = [await Wallet.fill(stack, 'mine'), await Wallet.fill(stack, 'theirs')];
    const nobody = { email: 'nobody@example.com' };
    [myDoors, theirDoors] = [doorsOf(stack.url, mine, nobody), doorsOf(stack.url, theirs, nobody)];
  }, startMs);
  afterAll(() => stack?.stop());

  /** What belongs to a client; the admin key does not. */
  const owned = ({ accepts }: Door): readonly Kind[] => accepts.filter((kind) => kind !== 'admin key');

  /** Presents what theirs has, at doors that would take it, and expects that nobody does and nothing comes of it. */
  async function expectRefused(
    doors: readonly Door[],
    present: (door: Door, text: string) => Promise<Answer | undefined>,
  ): Promise<void> {
    const live = await theirs.oneOfEach();
    for (const door of doors) await door.prepare();
    const before = await standingOf(stack);
    const wrong: string[] = [];
    let tried = 0;
    for (const door of doors)
      for (const [kind, text] of live.filter(([each]) => owned(door).includes(each))) {
        const answer = await present(door, text);
        if (!answer) continue;
        tried++;
        const says = `${kind} at ${door.name}: ${answer.status} ${answer.text.slice(0, 200)}`;
        if (await door.accepted(answer, text)) wrong.push(`takes ${says}`);
        else if (![400, 401, 403, ...door.refuses].includes(answer.status)) wrong.push(`answers ${says}`);
      }
    expect(wrong).toEqual([]);
    expect(differences(before, await standingOf(stack))).toEqual([]);
    expect(await deadOf(theirDoors, live)).toEqual([]);
    expect(tried).toBeGreaterThan(20);
  }

  it('have every route in the table, or it says why not', async () => {
    const known = new Set([...myDoors.map(({ route }) => route), ...Object.keys(doorless)]);
    expect(allRoutes().filter(({ name }) => !known.has(name))).toEqual([]);
    const { paths } = (await request(`${stack.url}/openapi.json`)).json() as { paths: Record<string, object> };
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(documented.length).toBeGreaterThan(40);
    expect(documented.filter((route) => !known.has(route))).toEqual([]);
  });

  it(
    'take nothing of each other at their own hosts',
    () => expectRefused(theirDoors, (door, text) => door.present(text, mine.host)),
    patience,
  );

  it(
    'take nothing of each other where the request names one of them',
    () =>
      expectRefused(
        myDoors.filter(({ told }) => told),
        (door, text) => door.present(text),
      ),
    patience,
  );

  it(
    'take nothing of each other under another name',
    () =>
      expectRefused(myDoors, async (door, text) => {
        const renamed = text.replace(theirs.clientId, mine.clientId);
        return renamed === text ? undefined : door.present(renamed);
      }),
    patience,
  );

  it('start no anonymous account of each other at their own hosts', async () => {
    const sent = { method: 'POST', body: { clientId: theirs.clientId }, headers: { host: mine.host } };
    expect((await request(`${stack.url}/v1/anonymous`, sent)).status).toBe(403);
  });

  it(
    'find nothing by the ids of each other',
    async () => {
      const { items } = await admin.get(`clients/${theirs.clientId}/link-secrets`);
      const session = await theirs.customSession();
      const ids: Readonly<Record<string, string>> = {
        clientId: mine.clientId,
        userId: theirs.userId,
        keyId: theirs.key.keyId,
        secretId: items[0].secretId,
        sessionId: session.sessionId,
      };
      const live = await theirs.oneOfEach();
      const someone = Wallet.someone();
      await admin.post(`clients/${theirs.clientId}/users`, { externalId: someone });
      const mySession = { ...mine.project, 'x-appwrite-session': (await mine.customSession()).secret };
      const before = await standingOf(stack);
      const routes = allRoutes().filter(({ path }) => /^\/v1\/admin\/clients\/:clientId\/.+\/:/.test(path));
      expect(routes.length).toBeGreaterThan(12);
      for (const { name, method, path } of routes) {
        const at = path.replace('/v1/admin/', '').replaceAll(/:(\w+)/g, (_, id: string) => ids[id] ?? 'x');
        const body = method === 'PATCH' ? { body: { username: 'Mallory' } } : {};
        const answer = await admin.send(method, at, body);
        // Of a user who is not there, there are no sessions to list or to end.
        const isNothing = path.includes('/sessions') && (answer.status === 204 || answer.json().items?.length === 0);
        expect([name, isNothing || answer.status === 404]).toEqual([name, true]);
      }

      const backend = { ...mine.project, 'x-appwrite-key': mine.key.key };
      for (const [method, path] of [
        ['GET', ''],
        ['POST', '/tokens'],
        ['POST', '/jwts'],
      ] as const) {
        const sent = { method, headers: backend, ...(method === 'POST' && { body: {} }) };
        expect((await request(`${stack.url}/v1/users/${someone}${path}`, sent)).status).toBe(404);
      }
      for (const method of ['GET', 'DELETE']) {
        const sent = { method, headers: mySession };
        const path = `/v1/account/sessions/${session.sessionId}`;
        expect((await request(`${stack.url}${path}`, sent)).status).toBe(404);
      }
      expect(differences(before, await standingOf(stack))).toEqual([]);
      expect(await deadOf(theirDoors, live)).toEqual([]);
    },
    patience,
  );
});
