import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultLimits } from '../../apps/gateway/src/http/limits.js';
import { Admin } from '../support/admin.js';
import { differences, standingOf } from '../support/database.js';
import { type Door, deadOf, doorless, doorsOf } from '../support/doors.js';
import { request } from '../support/http.js';
import { allRoutes } from '../support/routes.js';
import { type Stack, startMs, startStack } from '../support/stack.js';
import { type Kind, Wallet } from '../support/wallet.js';

const patience = 120_000;

const groups: [name: string, routes: RegExp][] = [
  ['our own', /^[A-Z]+ \/($|demo|v1\/(session|verify))/],
  ['introspection and revocation', /^[A-Z]+ \/oauth2\//],
  ['administration', /^[A-Z]+ \/v1\/admin\//],
  ['protocol 000', /^[A-Z]+ \/api\/link/],
  ['protocol 001', /^[A-Z]+ \/(api\/clients|v1\/client)/],
  ['protocol 002', /^[A-Z]+ \/v1\/auth/],
  ['protocol 003', /^[A-Z]+ \/v1\/(users|account)/],
  ['protocol 004', /^[A-Z]+ \/(api\/(token|sys|auth)|v1\/media|(user\/)?login)/],
];

/** S-10, S-70: what is presented where it does not belong is refused, and nothing is consumed or changed by it. */
describe('every kind of credential', () => {
  let stack: Stack;
  let wallet: Wallet;
  let doors: Door[];

  beforeAll(async () => {
    const LIMITS = Object.keys(defaultLimits)
      .map((name) => `${name}=100000/1m`)
      .join(',');
    stack = await startStack({ env: { LIMITS } });
    const admin = new Admin(stack);
    wallet = await Wallet.fill(stack, 'mine');
    const other = { externalId: 'other', email: 'other@example.com', password: 'nobody guesses this one' };
    await admin.post(`clients/${wallet.clientId}/users`, other);
    doors = doorsOf(stack.url, wallet, other);
  }, startMs);
  afterAll(() => stack?.stop());

  it('and every route is in the table, or says why not', () => {
    const known = new Set([...doors.map(({ route }) => route), ...Object.keys(doorless)]);
    const routes = allRoutes().map(({ name }) => name);
    expect(routes.filter((name) => !known.has(name))).toEqual([]);
    expect(Object.keys(doorless).filter((name) => !routes.includes(name))).toEqual([]);
  });

  it('has a door of its own', () => {
    const homeless: Kind[] = [
      'link secret',
      'anonymous handle',
      'custom session, unwrapped',
      'session cookie, wrapped',
    ];
    const housed = new Set(doors.flatMap(({ accepts }) => accepts));
    expect(Object.keys(wallet.fresh).filter((kind) => !housed.has(kind as Kind))).toEqual(homeless);
  });

  it('has its doors in one of the groups', () => {
    for (const { name, route } of doors)
      expect([name, groups.filter(([, routes]) => routes.test(route)).length]).toEqual([name, 1]);
  });

  /** What a door lets in that has no business there, and what it does because of it. */
  async function wrongAt(door: Door, live: readonly [Kind, string][]): Promise<string[]> {
    await door.prepare();
    const before = await standingOf(stack);
    const foreign = live.filter(([kind]) => !door.accepts.includes(kind));
    const answers = await Promise.all(foreign.map(async (each) => [...each, await door.present(each[1])] as const));
    const wrong: string[] = [];
    for (const [kind, text, answer] of answers) {
      const says = `${answer.status} ${answer.text.slice(0, 200)}`;
      if (await door.accepted(answer, text)) wrong.push(`${door.name} takes ${kind}: ${says}`);
      else if (!door.refuses.includes(answer.status)) wrong.push(`${door.name} answers ${kind}: ${says}`);
      if (answer.text.includes(text)) wrong.push(`${door.name} repeats ${kind}`);
    }
    const changed = differences(before, await standingOf(stack));
    return [...wrong, ...changed.map((table) => `${door.name} changes ${table}`)];
  }

  it.each(groups)(
    'is refused at every door but its own, changes nothing there, and still opens its own: %s',
    async (_name, routes) => {
      const live = await wallet.oneOfEach();
      const wrong: string[] = [];
      for (const door of doors.filter(({ route }) => routes.test(route))) wrong.push(...(await wrongAt(door, live)));
      expect(wrong).toEqual([]);
      expect(await deadOf(doors, live)).toEqual([]);
    },
    patience,
  );

  it(
    'is nobody where it stands in place of our cookie, and no session ends by it',
    async () => {
      const live = await wallet.oneOfEach();
      const taken: string[] = [];
      for (const [kind, text] of live.filter(([each]) => each !== 'session cookie')) {
        const headers = { cookie: `segue=${text}` };
        const landed = await request(wallet.partner.link({ userId: 'other' }), { headers });
        const t = await wallet.fresh['one-time token']();
        const signedIn = await request(`${stack.url}/login?${new URLSearchParams({ t })}`, { headers });
        const body = { clientId: wallet.clientId };
        const anonymous = await request(`${stack.url}/v1/anonymous`, { method: 'POST', headers, body });
        if (`${landed.status} ${signedIn.status} ${anonymous.status}` !== '303 303 201') taken.push(kind);
      }
      expect(taken).toEqual([]);
      expect(await deadOf(doors, live)).toEqual([]);
    },
    patience,
  );

  it(
    'opens every door that is its own',
    async () => {
      const shut: string[] = [];
      for (const door of doors)
        for (const kind of door.accepts) {
          await door.prepare();
          const text = await wallet.fresh[kind]();
          const answer = await door.present(text);
          if (!(await door.accepted(answer, text)))
            shut.push(`${kind} at ${door.name}: ${answer.status} ${answer.text}`);
        }
      expect(shut).toEqual([]);
    },
    patience,
  );
});
