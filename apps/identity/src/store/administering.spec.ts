import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Outbox } from '#outbox/outbox';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { sha256 } from '#secrets/digest';
import type { Patch } from '../domain/identity.js';
import { store } from './data-source.js';
import { dump, email, factsOf, link, newClient, proposal, visit } from './testing.js';
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

const now = () => Math.floor(Date.now() / 1000);
const placeholder = `${'0'.repeat(32)}@placeholder.invalid`;
const update = (clientId: string, userId: string, patch: Patch) =>
  users.update({ clientId, userId }, patch, placeholder);

async function ann(clientId: string, more: object = {}) {
  const { user } = await users.arrive(link({ clientId, ...more }));
  return { clientId, userId: user.userId };
}

/** A user, and the id of an account it absorbed. */
async function annWithAlias(clientId: string) {
  const whom = await ann(clientId);
  const { user, handle } = await visit(users, clientId);
  await users.arrive(link({ clientId, asOf: now(), handle }));
  return { whom, alias: { clientId, userId: user.userId } };
}

describe('suspending and restoring', () => {
  it('ends what is open, once, and lets in again', async () => {
    const clientId = newClient();
    const whom = await ann(clientId, { email: 'ann@example.com' });
    const { userId } = whom;
    const before = await users.find(clientId, userId);
    const suspended = { ...before, status: 'suspended', epoch: 1 };
    for (let times = 0; times < 2; times += 1) expect(await users.suspend(whom)).toEqual(suspended);
    expect(await users.find(clientId, userId)).toEqual(suspended);
    const restored = { ...before, epoch: 1 };
    for (let times = 0; times < 2; times += 1) expect(await users.restore(whom)).toEqual(restored);
    expect((await users.suspend(whom)).epoch).toBe(2);
    expect(await factsOf(scratch, clientId, 1)).toEqual([
      ['user.suspended', { userId, epoch: 1 }],
      ['user.restored', { userId }],
      ['user.suspended', { userId, epoch: 2 }],
    ]);
    expect((await dump(scratch, clientId)).emails).toMatchObject([{ owner: 'external:ann' }]);
  });

  it('50 times at once is once', async () => {
    const clientId = newClient();
    const whom = await ann(clientId);
    const all = await Promise.all(Array.from({ length: 50 }, (_, n) => replicas[n % 2]!.suspend(whom)));
    expect(all.map(({ epoch }) => epoch)).toEqual(Array(50).fill(1));
    expect(await factsOf(scratch, clientId, 1)).toHaveLength(1);
  });

  it('by the id of an absorbed account', async () => {
    const { whom, alias } = await annWithAlias(newClient());
    expect(await users.suspend(alias)).toMatchObject({ userId: whom.userId, status: 'suspended' });
    expect(await users.restore(alias)).toMatchObject({ userId: whom.userId, status: 'active' });
  });

  it('no link changes or merges anything of who is suspended, whatever is under way', async () => {
    const clientId = newClient();
    const whom = await ann(clientId);
    const { handle } = await visit(users, clientId);
    const arriving = Array.from({ length: 50 }, (_, n) =>
      replicas[n % 2]!.arrive(link({ clientId, asOf: 1001 + n, username: `u${n}`, ...(n % 3 === 0 && { handle }) })),
    );
    const { username } = await users.suspend(whom);
    const after = await users.find(clientId, whom.userId);
    await Promise.all(arriving);
    expect(await users.find(clientId, whom.userId)).toEqual({ ...after, username });
    const stored = await dump(scratch, clientId);
    const last = stored.outbox.findIndex(({ type }) => type === 'user.suspended');
    expect(stored.outbox.slice(last + 1)).toEqual([]);
  });
});

describe('erasing', () => {
  it('leaves nothing that names a person, and frees the e-mail', async () => {
    const clientId = newClient();
    const canary = { externalId: 'canary-id', email: 'canary@example.com', username: 'Canary', locale: 'fr-CA' };
    const { handle } = await visit(users, clientId);
    const said = link({ clientId, ...canary, handle, hash: 'canary-hash' });
    const { user } = await users.arrive(said);
    const whom = { clientId, userId: user.userId };
    await users.erase(whom);
    const { outbox, ...stored } = await dump(scratch, clientId);
    expect(stored.users).toEqual([
      {
        client_id: clientId,
        user_id: user.userId,
        external_id: null,
        email: 'erased@placeholder.invalid',
        email_key: null,
        username: '',
        locale: '',
        status: 'erased',
        epoch: 2,
        claims_as_of: 0,
        taken_links: [],
        created_at: expect.any(String),
        handle_hash: null,
        anonymous_until: null,
        merged_into: null,
      },
    ]);
    expect(stored.emails).toEqual([]);
    expect(stored.erased).toEqual([
      {
        client_id: clientId,
        external_id_hash: `\\x${sha256('canary-id').toString('hex')}`,
        erased_at: expect.any(Number),
      },
    ]);
    expect(Math.abs(stored.erased[0]!.erased_at - now())).toBeLessThan(5);
    expect(JSON.stringify({ stored, outbox })).not.toMatch(/canary|fr-CA/i);
    expect(outbox.at(-1)).toMatchObject({ type: 'user.erased', body: { userId: user.userId, epoch: 2 } });

    expect(await users.find(clientId, user.userId)).toBeNull();
    expect(await users.page({ clientId }, null, 10)).toEqual([]);
    const heir = await users.arrive(link({ clientId, externalId: 'bob', email: 'canary@example.com' }));
    expect(heir.user.emailKey).toBe('canary@example.com');
  });

  it('twice is once; who is erased cannot be suspended, restored or changed', async () => {
    const clientId = newClient();
    const { whom, alias } = await annWithAlias(clientId);
    await Promise.all(Array.from({ length: 50 }, (_, n) => replicas[n % 2]!.erase(n % 3 ? whom : alias)));
    const before = await dump(scratch, clientId);
    expect(before.outbox.filter(({ type }) => type === 'user.erased')).toHaveLength(1);
    await users.erase(alias);
    await users.erase(whom);
    const { userId } = whom;
    for (const act of [users.suspend(whom), users.restore(alias), update(clientId, userId, { externalId: 'ann' })])
      await expect(act).rejects.toMatchObject({ code: 'user.missing' });
    expect(await users.find(clientId, alias.userId)).toBeNull();
    expect(await dump(scratch, clientId)).toEqual(before);
  });

  it('refuses the links from before, also once the person came back, and changes nothing by them', async () => {
    const clientId = newClient();
    const taken = link({ clientId, asOf: now() - 10, hash: 'taken', username: 'Ann' });
    const { user } = await users.arrive(taken);
    const { handle } = await visit(users, clientId);
    await users.erase({ clientId, userId: user.userId });
    const late = [
      taken,
      link({ clientId, asOf: now() - 5 }),
      link({ clientId, asOf: now() - 3600, handle, email: 'ann@example.com' }),
    ];
    const refuseAll = async () => {
      const before = await dump(scratch, clientId);
      for (const said of late) await expect(users.arrive(said)).rejects.toMatchObject({ reason: 'erased' });
      expect(await dump(scratch, clientId)).toEqual(before);
    };
    await refuseAll();
    const back = await users.arrive(link({ clientId, asOf: now() + 20, handle }));
    expect(back).toMatchObject({ created: false, merge: 'became' });
    expect(back.user.userId).not.toBe(user.userId);
    await refuseAll();
    // of another person, or of another client, none
    await users.arrive(link({ clientId, externalId: 'Ann', asOf: 1 }));
    await users.arrive(link({ clientId: newClient(), asOf: 1 }));
  });

  it('refuses also the newest link that was taken, from a clock ahead of ours', async () => {
    const clientId = newClient();
    const said = link({ clientId, asOf: now() + 25 });
    const { user } = await users.arrive(said);
    await users.erase({ clientId, userId: user.userId });
    await expect(users.arrive(said)).rejects.toMatchObject({ reason: 'erased' });
    await expect(users.arrive(link({ clientId, asOf: said.asOf }))).rejects.toMatchObject({ reason: 'erased' });
    expect((await users.arrive(link({ clientId, asOf: said.asOf + 1 }))).created).toBe(true);
  });

  it('of whom an administrator makes again: links from before stay refused, newer ones are let in', async () => {
    const clientId = newClient();
    const { user } = await users.arrive(link({ clientId }));
    await users.erase({ clientId, userId: user.userId });
    const made = await users.create({ clientId, externalId: 'ann', proposal: proposal() });
    expect(made.userId).not.toBe(user.userId);
    await expect(users.arrive(link({ clientId, asOf: now() - 5 }))).rejects.toMatchObject({ reason: 'erased' });
    const arrived = await users.arrive(link({ clientId, asOf: now() + 5, username: 'Ann' }));
    expect(arrived.user).toMatchObject({ userId: made.userId, username: 'Ann' });
  });

  it('while links from before arrive: nobody comes back', async () => {
    for (let round = 0; round < 10; round += 1) {
      const clientId = newClient();
      const whom = await ann(clientId);
      const { handle } = await visit(users, clientId);
      const arriving = Array.from({ length: 50 }, (_, n) =>
        replicas[n % 2]!.arrive(link({ clientId, asOf: 1001 + (n % 7), ...(n % 5 === 0 && { handle }) })),
      );
      await Promise.all([users.erase(whom), Promise.allSettled(arriving)]);
      for (const result of await Promise.allSettled(arriving)) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ reason: 'erased' });
        else expect(result.value.user.userId).toBe(whom.userId);
      }
      const stored = await dump(scratch, clientId);
      expect(stored.users.filter(({ external_id }) => external_id !== null)).toEqual([]);
      expect(stored.outbox.filter(({ type }) => type === 'user.created')).toHaveLength(2);
    }
  });

  it('which a statement did not see when it began is seen by the wall behind it', async () => {
    const clientId = newClient();
    const whom = await ann(clientId);
    await users.erase(whom);
    const revive = (sql: string) => scratch.dataSource.query(sql, [clientId]);
    await expect(
      revive(`INSERT INTO users (client_id, user_id, external_id, email, username, locale, claims_as_of)
              VALUES ($1, gen_random_uuid(), 'ann', 'x@placeholder.invalid', '', '', 1000)`),
    ).rejects.toMatchObject({ code: 'SG001' });
    await visit(users, clientId);
    await expect(
      revive(`UPDATE users SET external_id = 'ann' WHERE client_id = $1 AND status = 'active'`),
    ).rejects.toMatchObject({ code: 'SG001' });
  });

  it('of an anonymous account: its handle names nobody any more', async () => {
    const clientId = newClient();
    const { user, handle } = await visit(users, clientId);
    await users.erase({ clientId, userId: user.userId });
    expect((await users.arrive(link({ clientId, handle }))).merge).toBe('refused');
    expect((await dump(scratch, clientId)).erased).toEqual([]);
  });
});

describe('changing', () => {
  it('an e-mail frees the old one, and refuses that of another', async () => {
    const clientId = newClient();
    const { userId } = await ann(clientId, { email: 'ann@example.com' });
    await users.arrive(link({ clientId, externalId: 'bob', email: 'bob@example.com' }));
    const before = await dump(scratch, clientId);
    await expect(update(clientId, userId, { email: email('BOB@example.com'), username: 'X' })).rejects.toMatchObject({
      code: 'user.email_already_exists',
    });
    expect(await dump(scratch, clientId)).toEqual(before);
    expect(await update(clientId, userId, { email: email('new@example.com') })).toMatchObject({
      email: 'new@example.com',
    });
    expect(await update(clientId, userId, { email: null })).toMatchObject({ email: placeholder, emailKey: null });
    expect((await dump(scratch, clientId)).emails.map((claim) => claim.email)).toEqual(['bob@example.com']);
  });

  it('an externalId takes the e-mail along, and refuses that of another', async () => {
    const clientId = newClient();
    const { userId } = await ann(clientId, { email: 'ann@example.com' });
    await users.arrive(link({ clientId, externalId: 'bob' }));
    const before = await dump(scratch, clientId);
    await expect(update(clientId, userId, { externalId: 'bob', username: 'X' })).rejects.toMatchObject({
      code: 'user.already_exists',
    });
    expect(await dump(scratch, clientId)).toEqual(before);
    await update(clientId, userId, { externalId: 'anna' });
    expect((await dump(scratch, clientId)).emails).toMatchObject([{ owner: 'external:anna' }]);
    // who gets the old name does not get the e-mail with it
    const namesake = await users.arrive(link({ clientId, asOf: 2000, email: 'ann@example.com' }));
    expect(namesake).toMatchObject({ created: true, user: { emailKey: null } });
    expect((await users.arrive(link({ clientId, externalId: 'anna', asOf: 2000 }))).user).toMatchObject({
      userId,
      emailKey: 'ann@example.com',
    });
  });

  it('an externalId: no link of the old one that was taken makes somebody new', async () => {
    const clientId = newClient();
    const taken = link({ clientId });
    const { user } = await users.arrive(taken);
    await update(clientId, user.userId, { externalId: 'anna' });
    const before = await dump(scratch, clientId);
    await expect(users.arrive(taken)).rejects.toMatchObject({ reason: 'erased' });
    expect(await dump(scratch, clientId)).toEqual(before);
    // and back again
    expect(await update(clientId, user.userId, { externalId: 'ann' })).toMatchObject({ externalId: 'ann' });
    expect((await users.arrive(link({ clientId, asOf: 1001 }))).user.userId).toBe(user.userId);
  });

  it('an anonymous account into a known user: what it had open ends, once', async () => {
    const clientId = newClient();
    const { user, handle } = await visit(users, clientId);
    const { userId } = user;
    expect(await update(clientId, userId, { username: 'Visitor' })).toMatchObject({ epoch: 0 });
    expect(await update(clientId, userId, { externalId: 'ann' })).toMatchObject({ epoch: 1, externalId: 'ann' });
    expect(await update(clientId, userId, { externalId: 'anna' })).toMatchObject({ epoch: 1, externalId: 'anna' });
    expect((await factsOf(scratch, clientId, 1)).map(([type]) => type)).toEqual([
      'user.updated',
      'user.merged',
      'user.updated',
      'user.updated',
    ]);
    const elsewhere = await users.arrive(link({ clientId, externalId: 'bob', handle }));
    expect(elsewhere.merge).toBe('refused');
  });

  it('of a suspended user, and by the id of an absorbed account', async () => {
    const { whom, alias } = await annWithAlias(newClient());
    await users.suspend(whom);
    expect(await users.update(alias, { username: 'Ann' }, placeholder)).toMatchObject({
      userId: whom.userId,
      username: 'Ann',
      status: 'suspended',
    });
  });

  it.each<[string, (n: number) => Patch, string]>([
    ['e-mail', () => ({ email: email('one@example.com') }), 'user.email_already_exists'],
    ['externalId', () => ({ externalId: 'one' }), 'user.already_exists'],
  ])('50 users to one %s at once: one gets it', async (_, patch, code) => {
    const clientId = newClient();
    const made = await Promise.all(
      Array.from({ length: 50 }, (_, n) => users.create({ clientId, externalId: `u${n}`, proposal: proposal() })),
    );
    const results = await Promise.allSettled(
      made.map(({ userId }, n) => replicas[n % 2]!.update({ clientId, userId }, patch(n), placeholder)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code });
  });
});

it('the newer migrations can be taken back and made again', async () => {
  const other = await scratchStore(store);
  try {
    const one = new UsersStore(other.postgres, new Outbox());
    const clientId = newClient();
    await one.arrive(link({ clientId }));
    const { handle } = await visit(one, clientId);
    await one.arrive(link({ clientId, asOf: 1001, handle }));
    for (let newer = 0; newer < 2; newer += 1) await other.dataSource.undoLastMigration();
    expect(await other.dataSource.query('SELECT external_id FROM users')).toEqual([{ external_id: 'ann' }]);
    await other.dataSource.runMigrations();
  } finally {
    await other.drop();
  }
});
