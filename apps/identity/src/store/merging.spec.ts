import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Outbox } from '#outbox/outbox';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { store } from './data-source.js';
import type { Arrived } from './sql.js';
import { type Dump, dump, email, factsOf, link, newClient, type Said, visit } from './testing.js';
import { UsersStore } from './users.store.js';

let scratch: ScratchStore;
/** Two replicas: each groups its own arrivals. */
let replicas: UsersStore[];
let users: UsersStore;

beforeAll(async () => {
  scratch = await scratchStore(store);
  replicas = [1, 2].map(() => new UsersStore(scratch.postgres, new Outbox()));
  users = replicas[0]!;
});
afterAll(() => scratch.drop());

const race = (said: (n: number) => Said) =>
  Promise.all(Array.from({ length: 50 }, (_, n) => replicas[n % 2]!.arrive(link(said(n)))));

const expire = (userId: string) =>
  scratch.dataSource.query(`UPDATE users SET anonymous_until = now() - interval '1 second' WHERE user_id = $1`, [
    userId,
  ]);

const outcomes = (arrived: readonly Arrived[]) => {
  const counts: Record<string, number> = {};
  for (const { merge } of arrived) counts[`${merge}`] = (counts[`${merge}`] ?? 0) + 1;
  return counts;
};

const told = ({ outbox }: Dump, type: string) => outbox.filter((fact) => fact.type === type);

describe('an anonymous account that a link names', () => {
  it('becomes a new user: same userId, what it had open ends', async () => {
    const clientId = newClient();
    const visitor = await visit(users, clientId);
    const said = link({ clientId, handle: visitor.handle, email: 'ann@example.com', username: 'Ann' });
    const { user, created, merge } = await users.arrive(said);
    expect({ created, merge }).toEqual({ created: false, merge: 'became' });
    expect(user).toEqual({
      ...visitor.user,
      externalId: 'ann',
      email: 'ann@example.com',
      emailKey: 'ann@example.com',
      username: 'Ann',
      epoch: 1,
      claimsAsOf: 1000,
      takenLinks: [said.hash],
    });
    const { userId } = user;
    expect(await users.find(clientId, userId)).toEqual(user);
    expect((await dump(scratch, clientId)).emails).toMatchObject([{ email: 'ann@example.com', owner: 'external:ann' }]);
    expect(await factsOf(scratch, clientId, 1)).toEqual([
      ['user.merged', { from: userId, into: userId, epoch: 1 }],
      ['user.updated', { userId, fields: ['externalId', 'email', 'username'] }],
    ]);
    // no merge any more, and no transaction of its own
    expect(await users.arrive(link({ clientId, asOf: 1001, locale: 'fr' }))).toMatchObject({ merge: null });
  });

  it('is absorbed by a known user: its id is an alias from then on', async () => {
    const clientId = newClient();
    const { user: ann } = await users.arrive(link({ clientId, username: 'Ann' }));
    const visitor = await visit(users, clientId);
    const { user, merge } = await users.arrive(link({ clientId, asOf: 1001, handle: visitor.handle, locale: 'fr' }));
    expect({ merge, userId: user.userId, epoch: user.epoch }).toEqual({
      merge: 'absorbed',
      userId: ann.userId,
      epoch: 0,
    });
    expect(await users.find(clientId, visitor.user.userId)).toEqual(user);
    expect(await users.page({ clientId }, null, 10)).toEqual([user]);
    expect(await factsOf(scratch, clientId, 2)).toEqual([
      ['user.merged', { from: visitor.user.userId, into: ann.userId, epoch: 1 }],
      ['user.updated', { userId: ann.userId, fields: ['locale'] }],
    ]);
  });

  it.each<[string, object, object, object, object]>([
    [
      'what is lacking',
      {},
      { username: 'V', locale: 'fr', email: 'v@example.com' },
      {},
      { username: 'V', locale: 'fr' },
    ],
    [
      'nothing else',
      { username: 'A', locale: 'de' },
      { username: 'V', locale: 'fr' },
      {},
      { username: 'A', locale: 'de' },
    ],
    ['nothing the link says', {}, { username: 'V', locale: 'fr' }, { username: 'L' }, { username: 'L', locale: 'fr' }],
  ])('gives %s', async (_, known, had, claims, expected) => {
    const clientId = newClient();
    await users.arrive(link({ clientId, ...known }));
    const { user: visitor, handle } = await visit(users, clientId);
    const patch = { ...had, ...('email' in had && { email: email(`${had.email}`) }) };
    await users.update({ clientId, userId: visitor.userId }, patch, 'unused@placeholder.invalid');
    const { user } = await users.arrive(link({ clientId, ...claims, asOf: 1001, handle }));
    expect(user).toMatchObject(expected);
    const stored = await dump(scratch, clientId);
    if ('email' in had) expect(user.emailKey).toBe('v@example.com');
    expect(stored.emails).toMatchObject('email' in had ? [{ email: 'v@example.com', owner: 'external:ann' }] : []);
    expect(stored.users.find(({ user_id }) => user_id === visitor.userId)).toMatchObject({
      email_key: null,
      username: '',
      locale: '',
    });
  });

  it.each([
    ['becoming', false],
    ['absorbing', true],
  ])('does not contest its own e-mail, %s', async (_, known) => {
    const clientId = newClient();
    if (known) await users.arrive(link({ clientId, email: 'old@example.com' }));
    const { user: visitor, handle } = await visit(users, clientId);
    const own = email('v@example.com');
    await users.update({ clientId, userId: visitor.userId }, { email: own }, 'unused@placeholder.invalid');
    const said = { clientId, asOf: 1001, handle, email: 'V@example.com', emailConflict: 'reject' as const };
    expect((await users.arrive(link(said))).user.email).toBe('V@example.com');
    const { emails } = await dump(scratch, clientId);
    expect(emails).toEqual([{ client_id: clientId, email: 'v@example.com', owner: 'external:ann' }]);
  });

  it('lives on beside a contested e-mail', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId, externalId: 'bob', email: 'bob@example.com' }));
    const { user: visitor, handle } = await visit(users, clientId);
    const { user, merge } = await users.arrive(link({ clientId, handle, email: 'bob@example.com' }));
    expect({ merge, userId: user.userId, emailKey: user.emailKey }).toEqual({
      merge: 'became',
      userId: visitor.userId,
      emailKey: null,
    });
  });

  it('stays as it is where the link is refused for its e-mail', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId, externalId: 'bob', email: 'bob@example.com' }));
    await users.arrive(link({ clientId }));
    const { handle } = await visit(users, clientId);
    const before = await dump(scratch, clientId);
    for (const externalId of ['ann', 'new']) {
      const said = { clientId, externalId, asOf: 1001, handle, email: 'bob@example.com', username: 'X' };
      await expect(users.arrive(link({ ...said, emailConflict: 'reject' }))).rejects.toMatchObject({
        reason: 'email_conflict',
      });
      expect(await dump(scratch, clientId)).toEqual(before);
    }
  });
});

describe('a merge that is refused', () => {
  it.each<[string, string, (clientId: string) => Promise<string>]>([
    ['of an unknown handle', 'unknown', async () => 'nobody'],
    ['of nothing', 'unknown', async () => ''],
    ['of an account of another client', 'unknown', async () => (await visit(users, newClient())).handle],
    ['of the id of an account', 'unknown', async (clientId) => (await visit(users, clientId)).user.userId],
    [
      'of an account that is too old',
      'expired',
      async (clientId) => {
        const { user, handle } = await visit(users, clientId);
        await expire(user.userId);
        return handle;
      },
    ],
    [
      'of a suspended account',
      'suspended',
      async (clientId) => {
        const { user, handle } = await visit(users, clientId);
        await users.suspend({ clientId, userId: user.userId });
        return handle;
      },
    ],
    [
      'of an account that another became',
      'merged_elsewhere',
      async (clientId) => {
        const { handle } = await visit(users, clientId);
        await users.arrive(link({ clientId, externalId: 'bob', handle }));
        return handle;
      },
    ],
    [
      'of an account that another absorbed',
      'merged_elsewhere',
      async (clientId) => {
        await users.arrive(link({ clientId, externalId: 'bob' }));
        const { handle } = await visit(users, clientId);
        await users.arrive(link({ clientId, externalId: 'bob', asOf: 1001, handle }));
        return handle;
      },
    ],
    [
      'of an erased account',
      'unknown',
      async (clientId) => {
        const { user, handle } = await visit(users, clientId);
        await users.erase({ clientId, userId: user.userId });
        return handle;
      },
    ],
  ])('%s: a sign-in like any other, on record once', async (_, reason, handleOf) => {
    const clientId = newClient();
    const handle = await handleOf(clientId);
    const before = await dump(scratch, clientId);
    const said = link({ clientId, handle, username: 'Ann' });
    const first = await users.arrive(said);
    expect(first).toMatchObject({ created: true, merge: 'refused', user: { epoch: 0, username: 'Ann' } });
    const { userId } = first.user;
    expect(await factsOf(scratch, clientId, before.outbox.length)).toEqual([
      ['user.created', { userId, fields: ['externalId', 'username'] }],
      ['user.merge_refused', { userId, support: 'abcdefghij', reason }],
    ]);
    const after = await dump(scratch, clientId);
    expect(after.users).toEqual([...before.users, expect.anything()]);

    expect(await users.arrive(said)).toMatchObject({ created: false, merge: 'refused' });
    expect(await dump(scratch, clientId)).toEqual(after);

    const known = await users.arrive(link({ clientId, asOf: 1001, handle, username: 'Anna' }));
    expect(known).toMatchObject({ created: false, merge: 'refused', user: { userId, username: 'Anna' } });
    expect(await factsOf(scratch, clientId, after.outbox.length)).toEqual([
      ['user.updated', { userId, fields: ['username'] }],
      ['user.merge_refused', { userId, support: 'abcdefghij', reason }],
    ]);
  });

  it('leaves the other client alone', async () => {
    const theirs = newClient();
    const { handle } = await visit(users, theirs);
    const before = await dump(scratch, theirs);
    await users.arrive(link({ clientId: newClient(), handle }));
    expect(await dump(scratch, theirs)).toEqual(before);
    expect((await users.arrive(link({ clientId: theirs, handle }))).merge).toBe('became');
  });
});

describe('a merge that is repeated', () => {
  it.each([
    ['became', false],
    ['absorbed', true],
  ])('(%s) changes nothing by a replay or a latecomer', async (merge, known) => {
    const clientId = newClient();
    if (known) await users.arrive(link({ clientId, asOf: 900, email: 'ann@example.com' }));
    const other = await visit(users, clientId);
    const { handle } = await visit(users, clientId);
    const said = link({ clientId, handle, username: 'Ann', email: 'ann@example.com' });
    const first = await users.arrive(said);
    expect(first).toMatchObject({ created: false, merge });
    const before = await dump(scratch, clientId);
    for (const [late, outcome] of [
      [said, 'repeated'],
      [link({ clientId, handle, asOf: 999, username: 'X', email: 'x@example.com' }), 'repeated'],
      [link({ clientId, handle: other.handle, asOf: 999, username: 'X' }), 'refused'],
      [link({ clientId, handle: 'nobody', asOf: 999, email: 'x@example.com' }), 'refused'],
    ] as const) {
      expect(await users.arrive(late)).toEqual({ ...first, merge: outcome });
      expect(await dump(scratch, clientId)).toEqual(before);
    }
  });

  it.each([
    ['became', false],
    ['absorbed', true],
  ])('(%s) by a newer link takes its claims and merges nothing, however late', async (_, known) => {
    const clientId = newClient();
    if (known) await users.arrive(link({ clientId, asOf: 900 }));
    const { user: visitor, handle } = await visit(users, clientId);
    const { user } = await users.arrive(link({ clientId, handle }));
    await expire(visitor.userId);
    const before = await dump(scratch, clientId);
    const again = await users.arrive(link({ clientId, handle, asOf: 1001, username: 'Ann' }));
    expect(again).toMatchObject({
      merge: 'repeated',
      user: { userId: user.userId, epoch: user.epoch, username: 'Ann' },
    });
    expect(await factsOf(scratch, clientId, before.outbox.length)).toEqual([
      ['user.updated', { userId: user.userId, fields: ['username'] }],
    ]);
  });

  it('is not begun by a link that came too late', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId, asOf: 1001 }));
    const { handle } = await visit(users, clientId);
    const before = await dump(scratch, clientId);
    expect((await users.arrive(link({ clientId, handle, asOf: 1000 }))).merge).toBe('refused');
    expect(await dump(scratch, clientId)).toEqual(before);
    expect((await users.arrive(link({ clientId, handle, asOf: 1002 }))).merge).toBe('absorbed');
  });
});

describe('at the same time', () => {
  it.each([
    ['new users', false],
    ['known users', true],
  ])('50 merges of one account into several %s: one wins', async (_, known) => {
    const clientId = newClient();
    if (known) await race((n) => ({ clientId, externalId: `u${n}` }));
    const { user: visitor, handle } = await visit(users, clientId);
    const arrived = await race((n) => ({ clientId, externalId: `u${n}`, asOf: 1001, handle }));
    expect(outcomes(arrived)).toEqual({ [known ? 'absorbed' : 'became']: 1, refused: 49 });
    const winner = arrived.find(({ merge }) => merge !== 'refused')!.user;
    const stored = await dump(scratch, clientId);
    expect(told(stored, 'user.merged').map(({ body }) => body)).toEqual([
      { from: visitor.userId, into: winner.userId, epoch: 1 },
    ]);
    expect(told(stored, 'user.merge_refused').map(({ body }) => body['reason'])).toEqual(
      Array(49).fill('merged_elsewhere'),
    );
    expect(stored.users.filter(({ status }) => status === 'active')).toHaveLength(50);
    expect(await users.find(clientId, visitor.userId)).toMatchObject({ userId: winner.userId });
  });

  it.each([
    ['all new', (n: number) => ({ username: `u${n}` })],
    ['with one e-mail', () => ({ email: 'ann@example.com' })],
    ['with e-mails of their own', (n: number) => ({ email: `a${n % 5}@example.com` })],
    ['all the same', () => ({ hash: 'same' })],
  ])(
    '50 links of one new user that name one account, %s: it becomes it once',
    async (_, more: (n: number) => object) => {
      const clientId = newClient();
      const { user: visitor, handle } = await visit(users, clientId);
      const arrived = await race((n) => ({ clientId, handle, ...more(n) }));
      expect(outcomes(arrived)).toEqual({ became: 1, repeated: 49 });
      const stored = await dump(scratch, clientId);
      expect(stored.users).toMatchObject([{ user_id: visitor.userId, external_id: 'ann', epoch: 1 }]);
      expect(told(stored, 'user.merged')).toHaveLength(1);
      expect(stored.emails.map(({ owner }) => owner)).toEqual(stored.users[0]!.email_key ? ['external:ann'] : []);
    },
  );

  it.each([
    ['named by half of them', 2],
    ['named by few of them', 10],
  ])('links of a new user, the account %s: it becomes it or is absorbed, once', async (_, every) => {
    for (let round = 0; round < 5; round += 1) {
      const clientId = newClient();
      const { user: visitor, handle } = await visit(users, clientId);
      const arrived = await race((n) => ({ clientId, email: 'ann@example.com', ...(n % every === 0 && { handle }) }));
      const named = arrived.filter(({ merge }) => merge !== null);
      expect(named).toHaveLength(50 / every);
      expect(named.filter(({ merge }) => merge === 'became' || merge === 'absorbed')).toHaveLength(1);
      expect(named.filter(({ merge }) => merge === 'repeated')).toHaveLength(50 / every - 1);
      expect(new Set(arrived.map(({ user }) => user.userId)).size).toBe(1);
      const stored = await dump(scratch, clientId);
      expect(stored.users.filter(({ status }) => status === 'active')).toHaveLength(1);
      expect(told(stored, 'user.merged').map(({ body }) => [body['from'], body['into']])).toEqual([
        [visitor.userId, arrived[0]!.user.userId],
      ]);
    }
  });

  it('50 accounts merge into one new user: one becomes it, it absorbs the rest', async () => {
    const clientId = newClient();
    const visitors = await Promise.all(Array.from({ length: 50 }, () => visit(users, clientId)));
    const arrived = await race((n) => ({ clientId, handle: visitors[n]!.handle }));
    expect(outcomes(arrived)).toEqual({ became: 1, absorbed: 49 });
    const { userId } = arrived[0]!.user;
    for (const { user } of visitors) expect((await users.find(clientId, user.userId))?.userId).toBe(userId);
  });

  it('two users who name the accounts each other became do not wait for each other', async () => {
    const clientId = newClient();
    const [one, other] = [await visit(users, clientId), await visit(users, clientId)];
    await users.arrive(link({ clientId, externalId: 'ann', handle: one.handle }));
    await users.arrive(link({ clientId, externalId: 'bob', handle: other.handle }));
    const started = Date.now();
    const arrived = await race((n) => ({
      clientId,
      externalId: n % 2 ? 'ann' : 'bob',
      handle: n % 2 ? other.handle : one.handle,
      asOf: 1001,
    }));
    expect(outcomes(arrived)).toEqual({ refused: 50 });
    // a deadlock would cost a second (deadlock_timeout)
    expect(Date.now() - started).toBeLessThan(900);
  });
});

describe('forgetting anonymous accounts', () => {
  it('takes those nobody claimed in time, in batches, and tells', async () => {
    await users.forgetAnonymous(1000);
    const clientId = newClient();
    const visitors = await Promise.all(Array.from({ length: 7 }, () => visit(users, clientId)));
    const [became, absorbed, fresh, borne, suspended, ...late] = visitors;
    await users.arrive(link({ clientId, handle: became!.handle }));
    await users.arrive(link({ clientId, handle: absorbed!.handle, asOf: 1001 }));
    const whom = ({ user }: typeof fresh & object) => ({ clientId, userId: user.userId });
    await users.update(whom(borne!), { email: email('v@example.com') }, 'unused@placeholder.invalid');
    await users.suspend(whom(suspended!));
    for (const visitor of visitors) if (visitor !== fresh) await expire(visitor.user.userId);
    const { outbox } = await dump(scratch, clientId);

    expect(await Promise.all([users.forgetAnonymous(2), replicas[1]!.forgetAnonymous(1)])).toEqual([2, 1]);
    expect(await users.forgetAnonymous(2)).toBe(1);
    expect(await users.forgetAnonymous(2)).toBe(0);
    const stored = await dump(scratch, clientId);
    const kept = [became!, absorbed!, fresh!].map(({ user }) => user.userId).toSorted();
    expect(stored.users.map(({ user_id }) => user_id)).toEqual(kept);
    expect(stored.emails).toEqual([]);
    const gone = [...late, borne!, suspended!].map(({ user }) => user.userId);
    const erased = new Map(gone.map((userId) => [userId, userId === suspended!.user.userId ? 2 : 1]));
    const facts = await factsOf(scratch, clientId, outbox.length);
    expect(facts).toHaveLength(4);
    expect(facts).toEqual(
      expect.arrayContaining([...erased].map(([userId, epoch]) => ['user.erased', { userId, epoch }])),
    );
    expect((await users.arrive(link({ clientId, handle: late[0]!.handle, asOf: 1002 }))).merge).toBe('refused');
    // the e-mail is free again
    expect(
      (await users.arrive(link({ clientId, externalId: 'bob', email: 'v@example.com' }))).user.emailKey,
    ).not.toBeNull();
  });

  it('and merging them: the one or the other', async () => {
    const clientId = newClient();
    const visitors = await Promise.all(Array.from({ length: 50 }, () => visit(users, clientId)));
    const expiring = visitors.map(({ user }) => expire(user.userId));
    const arriving = race((n) => ({ clientId, externalId: `u${n}`, handle: visitors[n]!.handle }));
    await Promise.all([...expiring, users.forgetAnonymous(20), replicas[1]!.forgetAnonymous(50), arriving]);
    while ((await users.forgetAnonymous(50)) > 0);
    const arrived = await arriving;
    const stored = await dump(scratch, clientId);
    const merged = arrived.filter(({ merge }) => merge === 'became').length;
    expect(merged + (outcomes(arrived)['refused'] ?? 0)).toBe(50);
    expect(told(stored, 'user.merged')).toHaveLength(merged);
    expect(told(stored, 'user.erased')).toHaveLength(50 - merged);
    expect(stored.users).toHaveLength(50);
  });
});
