import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FactType, facts } from '#contracts/fact';
import { identity, user } from '#contracts/identity';
import type { Request } from '#contracts/service';
import { Outbox } from '#outbox/outbox';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { Arrive } from './arrive.js';
import { CreateUser } from './create-user.js';
import { GetUser } from './get-user.js';
import { ListUsers } from './list-users.js';
import { store } from './store/data-source.js';
import { UsersStore } from './store/users.store.js';

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
  const arrivals = new Arrive(users, scratch.postgres, outbox);
  const reading = new GetUser(users);
  const creation = new CreateUser(users);
  const listing = new ListUsers(users);
  return {
    arrive: async (request: Request<typeof identity.arrive>) =>
      identity.arrive.reply.parse(await arrivals.run(identity.arrive.request.parse(request))),
    get: async (request: Request<typeof identity.get>) =>
      identity.get.reply.parse(await reading.run(identity.get.request.parse(request))),
    create: async (request: Request<typeof user.create>) =>
      user.create.reply.parse(await creation.run(user.create.request.parse(request))),
    list: async (request: Request<typeof user.list>) =>
      user.list.reply.parse(await listing.run(user.list.request.parse(request))),
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
    await scratch.dataSource.query(`UPDATE users SET status = 'suspended' WHERE client_id = $1`, [clientId]);
    await expect(ask.arrive(link(clientId, { username: 'X' }, 2000))).rejects.toMatchObject({
      code: 'account.suspended',
    });
    expect((await factsOf(clientId)).slice(1)).toEqual([
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
