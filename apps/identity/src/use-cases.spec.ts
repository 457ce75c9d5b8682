import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FactType, facts } from '#contracts/fact';
import { identity, user } from '#contracts/identity';
import type { Request } from '#contracts/service';
import { createLog } from '#log/log';
import { GroupedFacts } from '#outbox/grouped-facts';
import { Outbox } from '#outbox/outbox';
import { Refusals } from '#outbox/refusals';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { Arrive } from './arrive.js';
import { CreateUser } from './create-user.js';
import { GetUser } from './get-user.js';
import { ListUsers } from './list-users.js';
import { PasswordHashing } from './password-hashing.js';
import { StartAnonymous } from './start-anonymous.js';
import { store } from './store/data-source.js';
import { PasswordsStore } from './store/passwords.store.js';
import { UsersStore } from './store/users.store.js';
import { UpdateUser } from './update-user.js';
import { UserStanding } from './user-standing.js';

let scratch: ScratchStore;
let ask: ReturnType<typeof useCases>;

beforeAll(async () => {
  scratch = await scratchStore(store);
  ask = useCases();
});
afterAll(() => scratch.drop());

/** Each asked as the bus asks: the request through the contract's schema, and the reply must fit it too. */
function useCases() {
  const outbox = new Outbox();
  const users = new UsersStore(scratch.postgres, outbox);
  const hashing = new PasswordHashing();
  const refusals = new Refusals(
    new GroupedFacts(scratch.postgres, outbox),
    createLog({ service: 'spec', level: 'silent' }),
  );
  const arrivals = new Arrive(users, refusals);
  const reading = new GetUser(users);
  const creation = new CreateUser(users, hashing);
  const listing = new ListUsers(users);
  const anonymous = new StartAnonymous(users);
  const changes = new UpdateUser(users, hashing);
  const standing = new UserStanding(users, new PasswordsStore(scratch.postgres, outbox));
  return {
    arrive: async (request: Request<typeof identity.arrive>) =>
      identity.arrive.reply.parse(await arrivals.run(identity.arrive.request.parse(request))),
    get: async (request: Request<typeof identity.get>) =>
      identity.get.reply.parse(await reading.run(identity.get.request.parse(request))),
    create: async (request: Request<typeof user.create>) =>
      user.create.reply.parse(await creation.run(user.create.request.parse(request))),
    list: async (request: Request<typeof user.list>) =>
      user.list.reply.parse(await listing.run(user.list.request.parse(request))),
    startAnonymous: async (clientId: string) =>
      identity.startAnonymous.reply.parse(await anonymous.run({ clientId, attempt })),
    update: async (request: Request<typeof user.update>) =>
      user.update.reply.parse(await changes.run(user.update.request.parse(request))),
    suspend: async (whom: Request<typeof user.suspend>) => user.suspend.reply.parse(await standing.suspend(whom)),
    restore: async (whom: Request<typeof user.restore>) => user.restore.reply.parse(await standing.restore(whom)),
    erase: async (whom: Request<typeof user.erase>) => user.erase.reply.parse(await standing.erase(whom)),
  };
}

const newClient = () => randomBytes(6).toString('hex');
const attempt = { support: 'abcdefghij', address: 'hashed' };
const link = (clientId: string, claims: object = {}, asOf = 1000) => ({
  clientId,
  claims: { externalId: 'ann', ...claims },
  asOf,
  hash: randomUUID(),
  emailConflict: 'keep-owner' as const,
  attempt,
});

const factsOf = (clientId: string): Promise<{ type: FactType; subject: string; body: object }[]> =>
  scratch.dataSource.query('SELECT type, subject, body FROM outbox WHERE client_id = $1 ORDER BY position', [clientId]);

describe('arrive', () => {
  it('answers the user in normal form, and get the same', async () => {
    const clientId = newClient();
    const arrived = await ask.arrive(link(clientId, { email: 'Ann@EXAMPLE.com', locale: 'en_us', username: 'Ann' }));
    expect(arrived).toMatchObject({
      created: true,
      epoch: 0,
      user: {
        externalId: 'ann',
        email: 'Ann@example.com',
        emailIsPlaceholder: false,
        locale: 'en-US',
        status: 'active',
      },
    });
    const { userId } = arrived.user;
    expect(await ask.get({ clientId, userId })).toEqual({ user: arrived.user, epoch: 0 });
    expect(await ask.get({ clientId: newClient(), userId })).toBeNull();
  });

  it.each([
    ['email', 'nobody'],
    ['email', 'ann@placeholder.invalid'],
    ['locale', '???'],
  ])('refuses a malformed %s and makes nobody', async (member, value) => {
    const clientId = newClient();
    await expect(ask.arrive(link(clientId, { [member]: value }))).rejects.toMatchObject({
      code: 'request.invalid',
      detail: member,
    });
    expect((await ask.list({ clientId })).items).toEqual([]);
  });

  it('refuses a suspended user, on record with the support id', async () => {
    const clientId = newClient();
    const { user: ann } = await ask.arrive(link(clientId));
    await ask.suspend({ clientId, userId: ann.userId });
    await expect(ask.arrive(link(clientId, { username: 'X' }, 2000))).rejects.toMatchObject({
      code: 'account.suspended',
    });
    expect((await factsOf(clientId)).slice(2)).toEqual([
      {
        type: 'link.refused',
        subject: 'link/abcdefghij',
        body: { ...attempt, reason: 'suspended', userId: ann.userId },
      },
    ]);
    expect((await ask.get({ clientId, userId: ann.userId }))?.user).toEqual({ ...ann, status: 'suspended' });
  });

  it('states facts that fit their schemas and name nobody', async () => {
    const clientId = newClient();
    await ask.arrive(link(clientId, { email: 'ann@example.com', username: 'Canary Ann', locale: 'fr' }));
    await ask.arrive(link(clientId, { email: 'ann2@example.com', username: 'Canary Bob' }, 1001));
    await ask.arrive(link(clientId, { externalId: 'canary-bob', email: 'ann2@example.com' }));
    const stated = await factsOf(clientId);
    expect(stated.map(({ type }) => type)).toEqual([
      'user.created',
      'user.updated',
      'user.created',
      'user.email_contested',
    ]);
    for (const { type, body } of stated) facts[type].parse(body);
    expect(JSON.stringify(stated)).not.toMatch(/canary|@|example/i);
  });
});

describe('get', () => {
  it("finds by the client's own id, byte for byte, and only there", async () => {
    const clientId = newClient();
    const { user: ann } = await ask.arrive(link(clientId, { externalId: 'Ånn' }));
    expect(await ask.get({ clientId, externalId: 'Ånn' })).toEqual({ user: ann, epoch: 0 });
    for (const externalId of ['ånn', 'Ånn'.normalize('NFD'), 'Ånn ', '', 'Ånn\0', 'Ånn\ud800', 'x'.repeat(256)])
      expect(await ask.get({ clientId, externalId })).toBeNull();
    expect(await ask.get({ clientId: newClient(), externalId: 'Ånn' })).toBeNull();
    await ask.erase({ clientId, userId: ann.userId });
    expect(await ask.get({ clientId, externalId: 'Ånn' })).toBeNull();
  });

  it('does not take what cannot be stored for something that can', async () => {
    const clientId = newClient();
    await ask.arrive(link(clientId, { externalId: 'a\ufffd' }));
    expect(await ask.get({ clientId, externalId: 'a\ud800' })).toBeNull();
  });

  it('finds who absorbed an account, by either id', async () => {
    const clientId = newClient();
    const { user: ann } = await ask.arrive(link(clientId));
    const { user: visitor, handle } = await ask.startAnonymous(clientId);
    await ask.arrive(link(clientId, { anonymousAccountId: handle }, 1001));
    const found = { user: ann, epoch: 0 };
    expect(await ask.get({ clientId, userId: visitor.userId })).toEqual(found);
    expect(await ask.get({ clientId, externalId: 'ann' })).toEqual(found);
  });
});

describe('a link that is refused', () => {
  it('for an e-mail of another, where the client says so: on record, and nothing else', async () => {
    const clientId = newClient();
    await ask.arrive(link(clientId, { email: 'ann@example.com' }));
    const { user: bob } = await ask.arrive(link(clientId, { externalId: 'bob', username: 'Bob' }));
    const users = (await ask.list({ clientId })).items;
    const before = (await factsOf(clientId)).length;
    for (const externalId of ['bob', 'eve']) {
      const claims = { externalId, email: 'ANN@example.com', username: 'X' };
      const refused = { ...link(clientId, claims, 1001), emailConflict: 'reject' as const };
      await expect(ask.arrive(refused)).rejects.toMatchObject({ code: 'link.refused' });
    }
    expect((await ask.list({ clientId })).items).toEqual(users);
    const body = { ...attempt, reason: 'email_conflict' };
    expect((await factsOf(clientId)).slice(before).map((fact) => [fact.type, fact.body])).toEqual([
      ['link.refused', { ...body, userId: bob.userId }],
      ['link.refused', body],
    ]);

    const free = {
      ...link(clientId, { email: 'eve@example.com', externalId: 'eve' }),
      emailConflict: 'reject' as const,
    };
    expect((await ask.arrive(free)).user.email).toBe('eve@example.com');
  });

  it('for an erasure since: on record, and the person comes back as somebody else', async () => {
    const clientId = newClient();
    const now = Math.floor(Date.now() / 1000);
    const { user: ann } = await ask.arrive(link(clientId, { email: 'ann@example.com' }, now));
    expect(await ask.erase({ clientId, userId: ann.userId })).toBeNull();
    await expect(ask.arrive(link(clientId, {}, now))).rejects.toMatchObject({ code: 'link.refused' });
    expect((await factsOf(clientId)).slice(1)).toEqual([
      { type: 'user.erased', subject: `user/${ann.userId}`, body: { userId: ann.userId, epoch: 1 } },
      { type: 'link.refused', subject: 'link/abcdefghij', body: { ...attempt, reason: 'erased' } },
    ]);
    const again = await ask.arrive(link(clientId, { email: 'ann@example.com' }, now + 60));
    expect(again).toMatchObject({ created: true, user: { externalId: 'ann', email: 'ann@example.com' } });
    expect(again.user.userId).not.toBe(ann.userId);
  });
});

describe('an anonymous account', () => {
  it('has a handle nobody else gets to see, and nothing that is given', async () => {
    const clientId = newClient();
    const { user: visitor, epoch, handle } = await ask.startAnonymous(clientId);
    expect(handle).toMatch(/^[0-9A-Za-z]{32}$/);
    expect({ epoch, ...visitor }).toMatchObject({
      epoch: 0,
      externalId: null,
      emailIsPlaceholder: true,
      username: 'anonymous',
      locale: 'en',
      status: 'active',
    });
    expect(await ask.get({ clientId, userId: visitor.userId })).toEqual({ user: visitor, epoch: 0 });
    expect(await factsOf(clientId)).toEqual([
      {
        type: 'user.created',
        subject: `user/${visitor.userId}`,
        body: { userId: visitor.userId, fields: [] },
      },
    ]);
    const [everything] = await scratch.dataSource.query(
      'SELECT jsonb_agg(to_jsonb(users))::text || (SELECT jsonb_agg(to_jsonb(outbox))::text FROM outbox) AS dump FROM users',
    );
    expect(everything.dump).toContain(visitor.userId);
    expect(everything.dump).not.toContain(handle);
  });

  it('named by the link of a new user is that user from then on', async () => {
    const clientId = newClient();
    const { user: visitor, handle } = await ask.startAnonymous(clientId);
    const arrived = await ask.arrive(link(clientId, { anonymousAccountId: handle, username: 'Ann' }));
    expect(arrived).toMatchObject({
      merge: 'became',
      epoch: 1,
      user: { userId: visitor.userId, externalId: 'ann', username: 'Ann' },
    });
  });

  it('named by the link of a known user becomes an alias', async () => {
    const clientId = newClient();
    const { user: ann } = await ask.arrive(link(clientId));
    const { user: visitor, handle } = await ask.startAnonymous(clientId);
    const arrived = await ask.arrive(link(clientId, { anonymousAccountId: handle }, 1001));
    expect(arrived).toMatchObject({ merge: 'absorbed', epoch: 0, user: ann });
    expect(await ask.get({ clientId, userId: visitor.userId })).toEqual({ user: ann, epoch: 0 });
    expect((await ask.list({ clientId })).items).toEqual([ann]);
    const stated = await factsOf(clientId);
    expect(stated.at(-1)).toEqual({
      type: 'user.merged',
      subject: `user/${visitor.userId}`,
      body: { from: visitor.userId, into: ann.userId, epoch: 1 },
    });
    for (const { type, body } of stated) facts[type].parse(body);
    expect(JSON.stringify(stated)).not.toContain(handle);
  });
});

describe('update', () => {
  it('is a merge patch: what is absent stays, null is the default', async () => {
    const clientId = newClient();
    const said = { externalId: 'ann', email: 'ann@example.com', username: 'Ann', locale: 'fr' };
    const { userId } = await ask.create({ clientId, ...said });
    const whom = { clientId, userId };
    expect(await ask.update(whom)).toMatchObject(said);
    expect(await ask.update({ ...whom, username: 'Anna', locale: 'pt_br' })).toMatchObject({
      ...said,
      username: 'Anna',
      locale: 'pt-BR',
    });
    expect(await ask.update({ ...whom, email: 'Anna@Example.com', externalId: 'anna' })).toMatchObject({
      externalId: 'anna',
      email: 'Anna@example.com',
    });
    const cleared = await ask.update({ ...whom, email: null, username: null, locale: null });
    expect(cleared).toMatchObject({
      externalId: 'anna',
      emailIsPlaceholder: true,
      username: 'anonymous',
      locale: 'en',
    });
    expect(await ask.update({ ...whom, email: null })).toEqual(cleared);
    expect((await factsOf(clientId)).slice(1).map(({ body }) => body)).toEqual([
      { userId, fields: ['username', 'locale'] },
      { userId, fields: ['externalId', 'email'] },
      { userId, fields: ['email', 'username', 'locale'] },
    ]);
  });

  it.each([
    ['email', 'nobody'],
    ['locale', '???'],
  ])('refuses a malformed %s', async (member, value) => {
    const clientId = newClient();
    const { userId } = await ask.create({ clientId });
    await expect(ask.update({ clientId, userId, [member]: value })).rejects.toMatchObject({
      code: 'request.invalid',
      detail: member,
    });
  });
});

it('nobody suspends, changes or erases the user of another client, or nobody at all', async () => {
  const clientId = newClient();
  const { userId } = await ask.create({ clientId });
  for (const whom of [
    { clientId: newClient(), userId },
    { clientId, userId: randomUUID() },
  ]) {
    for (const act of [ask.suspend, ask.restore, ask.erase, ask.update])
      await expect(act(whom)).rejects.toMatchObject({ code: 'user.missing' });
  }
  expect(await ask.get({ clientId, userId })).toMatchObject({ epoch: 0, user: { status: 'active' } });
});

describe('create', () => {
  it.each([
    [{}, { externalId: null, emailIsPlaceholder: true, username: 'anonymous', locale: 'en' }],
    [
      { externalId: 'u', email: 'u@example.com', username: 'U', locale: 'pt_br' },
      { externalId: 'u', email: 'u@example.com', emailIsPlaceholder: false, username: 'U', locale: 'pt-BR' },
    ],
  ])('of %j makes %j', async (said, expected) => {
    expect(await ask.create({ clientId: newClient(), ...said })).toMatchObject(expected);
  });

  it.each([
    ['email', 'x@placeholder.invalid'],
    ['locale', 'no locale'],
  ])('refuses a malformed %s', async (member, value) => {
    await expect(ask.create({ clientId: newClient(), [member]: value })).rejects.toMatchObject({
      code: 'request.invalid',
      detail: member,
    });
  });
});

describe('list', () => {
  it('pages through all users by its cursor', async () => {
    const clientId = newClient();
    for (const externalId of ['a', 'b', 'c', 'd', 'e']) await ask.create({ clientId, externalId });
    const seen: (string | null)[] = [];
    let cursor: string | undefined;
    do {
      const page = await ask.list({ clientId, limit: 2, ...(cursor && { cursor }) });
      seen.push(...page.items.map(({ externalId }) => externalId));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    expect(seen.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('has no further page when the last one is full', async () => {
    const clientId = newClient();
    for (const externalId of ['a', 'b']) await ask.create({ clientId, externalId });
    expect((await ask.list({ clientId, limit: 2 })).nextCursor).toBeNull();
  });

  it('finds an e-mail in any spelling, and never a placeholder', async () => {
    const clientId = newClient();
    const made = await ask.create({ clientId, email: 'Ann@example.com' });
    const { email: placeholder } = await ask.create({ clientId });
    const found = async (email: string) => (await ask.list({ clientId, email })).items;
    expect(await found('ANN@Example.COM')).toEqual([made]);
    expect(await found(placeholder)).toEqual([]);
    expect(await found('no e-mail')).toEqual([]);
  });

  it.each(['', 'x', '0'.repeat(23), 'z'.repeat(22), "' OR 1=1 --"])('refuses the cursor %j', async (cursor) => {
    await expect(ask.list({ clientId: newClient(), cursor })).rejects.toMatchObject({ code: 'cursor.invalid' });
  });
});
