import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { normalEmail } from '#contracts/person';
import { Outbox } from '#outbox/outbox';
import { statement } from '#postgres/postgres';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { mostLinksOfASecond } from '../domain/identity.js';
import { arriveTogether } from './arriving.js';
import { store } from './data-source.js';
import { settle } from './settling.js';
import type { Arrived, Arriving } from './sql.js';
import { dump as everything, link, newClient, proposal, type Said } from './testing.js';
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

const dump = (clientId: string) => everything(scratch, clientId);

async function facts(clientId: string) {
  const { outbox } = await dump(clientId);
  return outbox.map(({ type, body }) => [type, body['fields'] ?? null]);
}

/** What must hold of a client's e-mails at any time (INV-07). */
async function expectExclusiveEmails(clientId: string) {
  const stored = await dump(clientId);
  const borne = stored.users.filter(({ email_key }) => email_key !== null);
  expect(new Set(borne.map(({ email_key }) => email_key)).size).toBe(borne.length);
  const owners = new Map(stored.emails.map(({ email, owner }) => [email, owner]));
  for (const { email_key, external_id } of borne) expect(owners.get(email_key!)).toBe(`external:${external_id}`);
  return { ...stored, borne };
}

/** Notes each change of an e-mail, as the database sees it. */
const watchEmails = `
  CREATE TABLE email_changes (client_id text, user_id uuid);
  CREATE FUNCTION note_email_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO email_changes VALUES (NEW.client_id, NEW.user_id);
      RETURN NULL;
    END $$;
  CREATE TRIGGER watch_emails AFTER UPDATE OF email ON users FOR EACH ROW
    WHEN (OLD.email <> NEW.email) EXECUTE FUNCTION note_email_change()`;

it('arrives by one plan, also who comes alone', async () => {
  const clientId = newClient();
  const plans = await scratch.postgres.transaction(async (tx) => {
    for (let n = 0; n < 20; n += 1) await arriveTogether(tx, [link({ clientId, externalId: `u${n}` })]);
    return tx.query(
      statement(
        'spec.plans',
        `SELECT custom_plans::int AS anew FROM pg_prepared_statements WHERE name = 'identity.arrive'`,
      ),
    );
  });
  expect(plans).toEqual([{ anew: 5 }]);
});

describe('a new user', () => {
  it('has what the link says, and defaults', async () => {
    const clientId = newClient();
    const said = link({ clientId, email: 'Ann@Example.com', locale: 'fr' });
    const { user, created } = await users.arrive(said);
    expect(created).toBe(true);
    expect(user).toEqual({
      clientId,
      userId: said.proposal.userId,
      externalId: 'ann',
      email: 'Ann@example.com',
      emailKey: 'ann@example.com',
      username: 'anonymous',
      locale: 'fr',
      status: 'active',
      epoch: 0,
      claimsAsOf: 1000,
      takenLinks: [said.hash],
      createdAt: expect.any(Date),
    });
    const stored = await dump(clientId);
    expect(stored.emails).toEqual([{ client_id: clientId, email: 'ann@example.com', owner: 'external:ann' }]);
    expect(stored.outbox).toEqual([
      expect.objectContaining({
        type: 'user.created',
        subject: `user/${user.userId}`,
        traceparent: said.traceparent,
        body: { userId: user.userId, fields: ['externalId', 'email', 'locale'] },
      }),
    ]);
    expect(await users.find(clientId, user.userId)).toEqual(user);
  });

  it('without an e-mail gets a placeholder that is claimed by nobody', async () => {
    const clientId = newClient();
    const said = link({ clientId });
    const { user } = await users.arrive(said);
    expect(user).toMatchObject({
      email: said.proposal.placeholder,
      emailKey: null,
      username: 'anonymous',
      locale: 'en',
    });
    expect((await dump(clientId)).emails).toEqual([]);
  });

  it('keeps ids apart byte for byte', async () => {
    const clientId = newClient();
    const ids = ['ann', 'Ann', 'ann ', ' ann', '\u00e9', 'e\u0301', '\ufffd', '1', '01', "'; DROP TABLE users; --"];
    const arrived = await Promise.all(ids.map((externalId) => users.arrive(link({ clientId, externalId }))));
    expect(new Set(arrived.map(({ user }) => user.userId)).size).toBe(ids.length);
    expect(arrived.map(({ user }) => user.externalId)).toEqual(ids);
  });
});

describe.each([
  ['one statement', async (said: Arriving) => (await arriveTogether(scratch.postgres, [said]))[0] ?? null],
  ['settling', (said: Arriving) => settle(scratch.postgres, new Outbox(), said)],
])('what an arrival changes, by %s', (_by, arrive: (said: Arriving) => Promise<Arrived | null>) => {
  const stored = { email: 'ann@example.com', username: 'Ann', locale: 'en' };

  it.each<[string, Omit<Said, 'clientId'>, object, string[]]>([
    ['nothing said', {}, {}, []],
    ['all the same', stored, {}, []],
    ['a username', { username: 'Bob' }, { username: 'Bob' }, ['username']],
    ['a locale', { locale: 'fr' }, { locale: 'fr' }, ['locale']],
    ['another spelling', { email: 'ANN@example.com' }, { email: 'ANN@example.com' }, ['email']],
    [
      'all but the e-mail',
      { ...stored, username: 'B', locale: 'fr' },
      { username: 'B', locale: 'fr' },
      ['username', 'locale'],
    ],
  ])('%s', async (_, claims, difference, fields) => {
    const clientId = newClient();
    const before = await arrive(link({ clientId, ...stored }));
    const said = link({ clientId, ...claims, asOf: 1001 });
    const after = await arrive(said);
    expect(after?.created).toBe(false);
    expect(after?.user).toEqual({ ...before?.user, ...difference, claimsAsOf: 1001, takenLinks: [said.hash] });
    expect(await users.find(clientId, after!.user.userId)).toEqual(after?.user);
    expect(await facts(clientId)).toEqual([
      ['user.created', ['externalId', 'email', 'username', 'locale']],
      ...(fields.length > 0 ? [['user.updated', fields]] : []),
    ]);
    await expectExclusiveEmails(clientId);
  });

  it('a link that is not news: nothing at all', async () => {
    const clientId = newClient();
    const said = { clientId, asOf: 1000, hash: 'first', email: 'ann@example.com', username: 'Ann' };
    await arrive(link(said));
    await arrive(link({ clientId, asOf: 1000, hash: 'second', username: 'Anna' }));
    const latest = await arrive(link({ clientId, asOf: 1001, hash: 'third', locale: 'fr' }));
    const before = await dump(clientId);
    for (const late of [
      link(said),
      link({ ...said, hash: 'second' }),
      link({ ...said, asOf: 1001, hash: 'third', username: 'replayed' }),
      link({ ...said, asOf: 999, hash: 'never seen', email: 'other@example.com', locale: 'de' }),
    ]) {
      expect((await arrive(late))?.user).toEqual(latest?.user);
      expect(await dump(clientId)).toEqual(before);
    }
  });

  it('links of one second: each is taken once, in the order they come', async () => {
    const clientId = newClient();
    await arrive(link({ clientId, hash: 'a', username: 'A', locale: 'fr' }));
    await arrive(link({ clientId, hash: 'b', username: 'B' }));
    expect((await arrive(link({ clientId, hash: 'a', username: 'A' })))?.user).toMatchObject({ username: 'B' });
    const { user } = (await arrive(link({ clientId, hash: 'c', username: 'C' })))!;
    expect(user).toMatchObject({ username: 'C', locale: 'fr', claimsAsOf: 1000, takenLinks: ['a', 'b', 'c'] });
  });

  it('a second with too many links: no further claims', async () => {
    const clientId = newClient();
    await arrive(link({ clientId }));
    const full = Array.from({ length: mostLinksOfASecond }, (_, n) => `${n}`);
    await scratch.dataSource.query('UPDATE users SET taken_links = $2 WHERE client_id = $1', [clientId, full]);
    expect((await arrive(link({ clientId, username: 'X' })))?.user.username).toBe('anonymous');
    expect((await arrive(link({ clientId, username: 'X', asOf: 1001 })))?.user.username).toBe('X');
  });

  it('nothing of a suspended user, who is told by the status', async () => {
    const clientId = newClient();
    await arrive(link({ clientId }));
    await scratch.dataSource.query(`UPDATE users SET status = 'suspended', epoch = 3 WHERE client_id = $1`, [clientId]);
    const before = await dump(clientId);
    const { user } = (await arrive(link({ clientId, username: 'X', email: 'x@example.com', asOf: 2000 })))!;
    expect(user).toMatchObject({ status: 'suspended', epoch: 3 });
    expect(await dump(clientId)).toEqual(before);
  });
});

describe('an e-mail', () => {
  it('stays with its owner: the other signs in without it', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId, email: 'shared@example.com' }));
    const newcomer = await users.arrive(
      link({ clientId, externalId: 'bob', email: 'Shared@EXAMPLE.com', username: 'Bob' }),
    );
    expect(newcomer).toMatchObject({ created: true, user: { emailKey: null, username: 'Bob' } });
    expect(newcomer.user.email).toMatch(/^[0-9a-f]{32}@placeholder\.invalid$/);

    await users.arrive(link({ clientId, externalId: 'eve', email: 'eve@example.com' }));
    const known = await users.arrive(
      link({ clientId, externalId: 'eve', email: 'shared@example.com', locale: 'fr', asOf: 1001 }),
    );
    expect(known).toMatchObject({ created: false, user: { email: 'eve@example.com', locale: 'fr', claimsAsOf: 1001 } });

    const { outbox } = await expectExclusiveEmails(clientId);
    expect(outbox.map(({ type, body }) => [type, body])).toEqual([
      ['user.created', expect.anything()],
      ['user.created', { userId: newcomer.user.userId, fields: ['externalId', 'username'] }],
      ['user.email_contested', { userId: newcomer.user.userId, support: 'abcdefghij' }],
      ['user.created', expect.anything()],
      ['user.updated', { userId: known.user.userId, fields: ['locale'] }],
      ['user.email_contested', { userId: known.user.userId, support: 'abcdefghij' }],
    ]);
  });

  it('that changes is free for another at once', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId, email: 'old@example.com' }));
    const moved = await users.arrive(link({ clientId, email: 'new@example.com', asOf: 1001 }));
    expect(moved.user).toMatchObject({ email: 'new@example.com', emailKey: 'new@example.com' });
    const heir = await users.arrive(link({ clientId, externalId: 'bob', email: 'old@example.com' }));
    expect(heir.user.emailKey).toBe('old@example.com');
    expect(await facts(clientId)).toEqual([
      ['user.created', ['externalId', 'email']],
      ['user.updated', ['email']],
      ['user.created', ['externalId', 'email']],
    ]);
    expect((await expectExclusiveEmails(clientId)).emails).toHaveLength(2);
  });

  it('replaces a placeholder', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId }));
    const { user } = await users.arrive(link({ clientId, email: 'ann@example.com', asOf: 1001 }));
    expect(user).toMatchObject({ email: 'ann@example.com', emailKey: 'ann@example.com' });
    await expectExclusiveEmails(clientId);
  });

  it('whose claim was made in vain (its owner does not bear it) goes to who comes next', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId }));
    await scratch.dataSource.query('INSERT INTO emails (client_id, email, owner) VALUES ($1, $2, $3)', [
      clientId,
      'vain@example.com',
      'external:ann',
    ]);
    const { user } = await users.arrive(link({ clientId, externalId: 'bob', email: 'vain@example.com' }));
    expect(user.emailKey).toBe('vain@example.com');
    await expectExclusiveEmails(clientId);
  });

  it('that an arrival claimed in vain, overtaken by a newer link, is free again', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId, email: 'ann@example.com', asOf: 2000 }));
    await scratch.dataSource.query('INSERT INTO emails (client_id, email, owner) VALUES ($1, $2, $3), ($1, $4, $5)', [
      clientId,
      'vain@example.com',
      'external:ann',
      'other@example.com',
      'external:bob',
    ]);
    for (const email of ['vain@example.com', 'other@example.com', 'ann@example.com']) {
      await settle(scratch.postgres, new Outbox(), link({ clientId, email, asOf: 1000 }));
    }
    const { emails } = await dump(clientId);
    expect(emails.map(({ email }) => email)).toEqual(['ann@example.com', 'other@example.com']);
  });

  it('has one owner when 50 new users claim it at once', async () => {
    const clientId = newClient();
    const arrivals = Array.from({ length: 50 }, (_, n) =>
      link({ clientId, externalId: `u${n}`, email: 'a@example.com' }),
    );
    const arrived = await Promise.all(arrivals.map((arrival, n) => replicas[n % 2]!.arrive(arrival)));
    expect(arrived.filter(({ created }) => created)).toHaveLength(50);
    expect(arrived.filter(({ user }) => user.emailKey === 'a@example.com')).toHaveLength(1);
    const { outbox } = await expectExclusiveEmails(clientId);
    expect(outbox.filter(({ type }) => type === 'user.email_contested')).toHaveLength(49);
  });
});

describe('at the same time', () => {
  it.each([
    ['each with its own link', () => ({})],
    ['with e-mails of their own', (n: number) => ({ email: `ann${n}@example.com` })],
    ['with one e-mail', () => ({ email: 'ann@example.com' })],
    ['all with the same link', () => ({ hash: 'same', email: 'ann@example.com' })],
    ['of different seconds', (n: number) => ({ asOf: 1000 + n, username: `u${n}` })],
  ])('50 arrivals of a new user make one, %s', async (_, claims: (n: number) => object) => {
    const clientId = newClient();
    const arrivals = Array.from({ length: 50 }, (_, n) => link({ clientId, ...claims(n) }));
    const arrived = await Promise.all(arrivals.map((arrival, n) => replicas[n % 2]!.arrive(arrival)));
    const stored = await expectExclusiveEmails(clientId);
    expect(stored.users).toHaveLength(1);
    expect(new Set(arrived.map(({ user }) => user.userId))).toEqual(new Set([stored.users[0]!.user_id]));
    expect(arrived.filter(({ created }) => created)).toHaveLength(1);
    expect(stored.outbox.filter(({ type }) => type === 'user.created')).toHaveLength(1);
    expect(stored.emails).toHaveLength(stored.borne.length);
  });

  it('the newest link wins, and the facts tell each change', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId, username: 'u0', asOf: 1000 }));
    const arrivals = Array.from({ length: 50 }, (_, n) => link({ clientId, username: `u${n % 7}`, asOf: 1001 + n }));
    const shuffled = arrivals.toSorted(() => Math.random() - 0.5);
    const arrived = await Promise.all(shuffled.map((arrival, n) => replicas[n % 2]!.arrive(arrival)));
    const [user] = (await users.page({ clientId }, null, 10)) as [Arrived['user']];
    expect(user).toMatchObject({ username: `u${49 % 7}`, claimsAsOf: 1050 });

    // in the order of the seconds, those that were taken: a change of name is a fact, and nothing else is
    const taken = arrivals.filter(({ asOf }) => arrived.some((a) => a.user.claimsAsOf === asOf));
    const names = ['u0', ...taken.map(({ username }) => username)];
    const changes = names.filter((name, n) => n > 0 && name !== names[n - 1]).length;
    expect((await facts(clientId)).filter(([type]) => type === 'user.updated')).toHaveLength(changes);
  });

  it('e-mails that flap between few users never belong to two', async () => {
    const clientId = newClient();
    const pick = <T>(from: readonly T[]) => from[Math.floor(Math.random() * from.length)]!;
    const people = ['ann', 'bob', 'eve', 'joe', 'kim'];
    const addresses = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `${name}@example.com`);
    await scratch.dataSource.query(watchEmails);
    let second = 1000;
    const started = Date.now();
    for (let round = 0; round < 5; round += 1) {
      const arrivals = Array.from({ length: 100 }, () => {
        second += pick([0, 0, 1]);
        const asOf = second - pick([0, 0, 0, 3]);
        const claims = { asOf, externalId: pick(people), ...(Math.random() < 0.9 && { email: pick(addresses) }) };
        return link({ clientId, ...claims });
      });
      await Promise.all(arrivals.map((arrival, n) => replicas[n % 2]!.arrive(arrival)));
      const { users: stored, emails, borne } = await expectExclusiveEmails(clientId);
      expect(stored.length).toBeLessThanOrEqual(people.length);
      // nothing is left claimed by somebody who does not bear it
      expect(emails).toHaveLength(borne.length);
      await expectChangesTold(clientId);
    }
    // each deadlock would cost a second (deadlock_timeout) before it is broken and tried again
    expect(Date.now() - started).toBeLessThan(10_000);
  }, 30_000);

  it('creating and arriving with one externalId and one e-mail make one user', async () => {
    const clientId = newClient();
    const email = normalEmail('ann@example.com')!;
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) =>
        n % 2
          ? replicas[n % 3 ? 0 : 1]!.create({ clientId, externalId: 'ann', email, proposal: proposal() })
          : replicas[n % 3 ? 0 : 1]!.arrive(link({ clientId, email: 'ann@example.com' })),
      ),
    );
    expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThanOrEqual(24);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'user.already_exists' });
    }
    expect((await expectExclusiveEmails(clientId)).users).toHaveLength(1);
  });

  /** As many facts of a changed e-mail as the database saw e-mails change. */
  async function expectChangesTold(clientId: string) {
    const changes = await scratch.dataSource.query(
      'SELECT user_id, count(*)::int AS count FROM email_changes WHERE client_id = $1 GROUP BY 1 ORDER BY 1',
      [clientId],
    );
    const told = await scratch.dataSource.query(
      `SELECT (body ->> 'userId')::uuid AS user_id, count(*)::int AS count FROM outbox
       WHERE client_id = $1 AND type = 'user.updated' AND body -> 'fields' ? 'email' GROUP BY 1 ORDER BY 1`,
      [clientId],
    );
    expect(told).toEqual(changes);
  }
});

describe('a group', () => {
  it('answers each arrival in its place, and leaves alone what it cannot decide', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId, externalId: 'known', email: 'known@example.com' }));
    const late = link({ clientId, externalId: 'late', asOf: 5000 });
    await users.arrive(late);
    const arrivals = [
      link({ clientId, externalId: 'z', email: 'z@example.com' }),
      link({ clientId, externalId: 'known', email: 'known@example.com', username: 'K', asOf: 1001 }),
      link({ clientId, externalId: 'contests', email: 'known2@example.com' }),
      link({ clientId, externalId: 'late', username: 'L' }),
      link({ clientId, externalId: 'a' }),
    ];
    await scratch.dataSource.query(`INSERT INTO emails VALUES ($1, 'known2@example.com', 'external:somebody')`, [
      clientId,
    ]);
    const outcomes = await arriveTogether(scratch.postgres, arrivals);
    expect(outcomes.map((outcome) => outcome && [outcome.user.externalId, outcome.created, outcome.told])).toEqual([
      ['z', true, true],
      ['known', false, true],
      null,
      ['late', false, false],
      ['a', true, true],
    ]);
  });

  it('takes a user once and an e-mail once, whoever comes in the same turn', async () => {
    const clientId = newClient();
    const arrived = await Promise.all([
      users.arrive(link({ clientId, externalId: 'ann', email: 'a@example.com', username: '1' })),
      users.arrive(link({ clientId, externalId: 'ann', email: 'a@example.com', username: '2' })),
      users.arrive(link({ clientId, externalId: 'bob', email: 'a@example.com' })),
      users.arrive(link({ clientId, externalId: 'eve', email: 'e@example.com' })),
    ]);
    expect(arrived.map(({ created }) => created)).toEqual([true, false, true, true]);
    expect(arrived.map(({ user }) => user.username)).toEqual(['1', '2', 'anonymous', 'anonymous']);
    expect(arrived.map(({ user }) => user.emailKey)).toEqual(['a@example.com', 'a@example.com', null, 'e@example.com']);
  });
});

describe('two clients', () => {
  it('never meet', async () => {
    const [one, other] = [newClient(), newClient()];
    const said = { externalId: 'ann', email: 'ann@example.com', hash: 'same' };
    const [mine, theirs] = await Promise.all([
      users.arrive(link({ clientId: one, ...said })),
      users.arrive(link({ clientId: other, ...said })),
    ]);
    expect(mine.user.userId).not.toBe(theirs.user.userId);
    expect([mine.user.emailKey, theirs.user.emailKey]).toEqual(['ann@example.com', 'ann@example.com']);

    const before = await dump(other);
    await users.arrive(link({ clientId: one, email: 'moved@example.com', asOf: 2000 }));
    expect(await dump(other)).toEqual(before);
    expect(await users.find(one, theirs.user.userId)).toBeNull();
    expect(await users.page({ clientId: one, emailKey: 'ann@example.com' }, null, 10)).toEqual([]);
  });
});

describe('a user made by an administrator', () => {
  it('may have no externalId, and owns its e-mail by its userId', async () => {
    const clientId = newClient();
    const email = normalEmail('Ann@example.com')!;
    const user = await users.create({ clientId, externalId: null, email, proposal: proposal() });
    expect(user).toMatchObject({ externalId: null, email: 'Ann@example.com', claimsAsOf: 0, takenLinks: [] });
    expect((await dump(clientId)).emails).toMatchObject([{ email: 'ann@example.com', owner: `user:${user.userId}` }]);

    const namesake = await users.arrive(link({ clientId, externalId: user.userId, email: 'ann@example.com' }));
    expect(namesake.user.userId).not.toBe(user.userId);
    expect(namesake.user.emailKey).toBeNull();
  });

  it('is met by its first link', async () => {
    const clientId = newClient();
    const made = await users.create({ clientId, externalId: 'ann', locale: 'fr', proposal: proposal() });
    const { user, created } = await users.arrive(link({ clientId, username: 'Ann' }));
    expect({ created, userId: user.userId, locale: user.locale, username: user.username }).toEqual({
      created: false,
      userId: made.userId,
      locale: 'fr',
      username: 'Ann',
    });
  });

  it('is refused, leaving nothing behind, when the externalId or the e-mail exists', async () => {
    const clientId = newClient();
    const email = normalEmail('ann@example.com')!;
    await users.create({ clientId, externalId: 'ann', email, proposal: proposal() });
    const before = await dump(clientId);
    const other = normalEmail('other@example.com')!;
    await expect(
      users.create({ clientId, externalId: 'ann', email: other, proposal: proposal() }),
    ).rejects.toMatchObject({
      code: 'user.already_exists',
    });
    await expect(users.create({ clientId, externalId: 'ann', email, proposal: proposal() })).rejects.toMatchObject({
      code: 'user.already_exists',
    });
    await expect(users.create({ clientId, externalId: 'bob', email, proposal: proposal() })).rejects.toMatchObject({
      code: 'user.email_already_exists',
    });
    expect(await dump(clientId)).toEqual(before);
  });

  it.each([
    ['externalId', (_: number) => ({ externalId: 'ann' }), 'user.already_exists'],
    [
      'e-mail',
      (n: number) => ({ externalId: `u${n}`, email: normalEmail('a@example.com')! }),
      'user.email_already_exists',
    ],
  ])('is one of 50 made at once with one %s', async (_, said, code) => {
    const clientId = newClient();
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => replicas[n % 2]!.create({ clientId, ...said(n), proposal: proposal() })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code });
    expect((await dump(clientId)).users).toHaveLength(1);
  });
});

it('the entities say what the migrations made', async () => {
  const { upQueries } = await scratch.dataSource.driver.createSchemaBuilder().log();
  const own = upQueries.map(({ query }) => query).filter((query) => !query.includes('email_changes'));
  expect(own).toEqual([]);
});

describe('a page of users', () => {
  it('goes through all of them once, oldest first, also while others come', async () => {
    const clientId = newClient();
    for (let n = 0; n < 7; n += 1) await users.create({ clientId, externalId: `u${n}`, proposal: proposal() });
    const seen: (string | null)[] = [];
    let after: string | null = null;
    for (;;) {
      const page: Arrived['user'][] = await users.page({ clientId }, after, 3);
      if (page.length === 0) break;
      seen.push(...page.map(({ externalId }) => externalId));
      after = page.at(-1)!.userId;
      if (seen.length === 3) await users.create({ clientId, externalId: 'late', proposal: proposal() });
    }
    expect(seen.filter((id) => id !== 'late').toSorted()).toEqual(['u0', 'u1', 'u2', 'u3', 'u4', 'u5', 'u6']);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('finds by externalId, by e-mail, by both', async () => {
    const clientId = newClient();
    await users.arrive(link({ clientId, externalId: 'ann', email: 'ann@example.com' }));
    await users.arrive(link({ clientId, externalId: 'bob', email: 'bob@example.com' }));
    const names = async (filter: object) =>
      (await users.page({ clientId, ...filter }, null, 10)).map(({ externalId }) => externalId);
    expect(await names({ externalId: 'ann' })).toEqual(['ann']);
    expect(await names({ externalId: 'Ann' })).toEqual([]);
    expect(await names({ emailKey: 'bob@example.com' })).toEqual(['bob']);
    expect(await names({ externalId: 'ann', emailKey: 'bob@example.com' })).toEqual([]);
    expect(await names({})).toEqual(['ann', 'bob']);
  });
});
