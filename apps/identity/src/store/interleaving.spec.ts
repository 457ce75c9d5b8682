import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Fault } from '#contracts/fault';
import { Outbox } from '#outbox/outbox';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { store } from './data-source.js';
import { type Arrived, type Arriving, LinkRefused } from './sql.js';
import { type Dump, dump, email, link, newClient, proposal, type Visitor, visit } from './testing.js';
import { UsersStore } from './users.store.js';

let scratch: ScratchStore;
/** Two replicas: each groups its own arrivals. */
let replicas: UsersStore[];

beforeAll(async () => {
  scratch = await scratchStore(store);
  replicas = [1, 2].map(() => new UsersStore(scratch.postgres, new Outbox()));
});
afterAll(() => scratch.drop());

const externalId = fc.constantFrom('ann', 'bob', 'eve');
const address = fc.constantFrom('a@example.com', 'b@example.com', 'c@example.com');
const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const visitors = 4;
/** Of all users there have ever been, the anonymous ones first. */
const place = fc.nat(11);

const arrive = fc.record({
  act: fc.constant('arrive' as const),
  externalId,
  address: maybe(address),
  username: maybe(fc.constantFrom('U', 'V')),
  /** The last is nobody's. */
  visitor: maybe(fc.nat(visitors)),
  /** Seconds; an erasure is at 0 or shortly after. */
  age: fc.integer({ min: -8, max: 2 }),
  emailConflict: fc.constantFrom('keep-owner' as const, 'reject' as const),
});
const change = fc.record({
  act: fc.constant('update' as const),
  place,
  externalId: maybe(externalId),
  address: maybe(fc.option(address)),
});
const create = fc.record({
  act: fc.constant('create' as const),
  externalId: fc.option(externalId),
  address: maybe(address),
});
const stand = fc.record({ act: fc.constantFrom('suspend' as const, 'restore' as const, 'erase' as const), place });
const command = fc.oneof(
  { weight: 12, arbitrary: arrive },
  { weight: 2, arbitrary: change },
  { weight: 1, arbitrary: create },
  { weight: 3, arbitrary: stand },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** What came of the links of one run. */
interface History {
  readonly clientId: string;
  readonly visitors: Visitor[];
  readonly accepted: { said: Arriving; handle: string | undefined; arrived: Arrived }[];
}

async function run(command: Command, users: UsersStore, ids: readonly string[], second: number, history: History) {
  const { clientId } = history;
  switch (command.act) {
    case 'arrive': {
      const { visitor, address, age, username, ...rest } = command;
      const handle = visitor === undefined ? undefined : (history.visitors[visitor]?.handle ?? 'nobody');
      const said = link({
        clientId,
        externalId: rest.externalId,
        emailConflict: rest.emailConflict,
        asOf: second - age,
        ...(address !== undefined && { email: address }),
        ...(username !== undefined && { username }),
        ...(handle !== undefined && { handle }),
      });
      const arrived = await users.arrive(said);
      if (arrived.user.status === 'active') history.accepted.push({ said, handle, arrived });
      return;
    }
    case 'create': {
      const given = { externalId: command.externalId, ...(command.address && { email: email(command.address) }) };
      await users.create({ clientId, ...given, proposal: proposal() });
      return;
    }
    case 'update': {
      const { address, externalId } = command;
      const patch = { externalId, email: typeof address === 'string' ? email(address) : address };
      await users.update(whom(command.place), patch, proposal().placeholder);
      return;
    }
    default:
      await users[command.act](whom(command.place));
  }

  function whom(place: number) {
    return { clientId, userId: ids[place % ids.length]! };
  }
}

const expected = ['user.missing', 'user.already_exists', 'user.email_already_exists'];

function expectOwnFailures(results: readonly PromiseSettledResult<void>[]) {
  for (const result of results) {
    if (result.status === 'fulfilled' || result.reason instanceof LinkRefused) continue;
    if (!(result.reason instanceof Fault)) throw result.reason;
    expect(expected).toContain(result.reason.code);
  }
}

const sha256 = (text: string) => `\\x${createHash('sha256').update(text).digest('hex')}`;
const isLiving = ({ status }: Dump['users'][number]) => status === 'active' || status === 'suspended';

function expectInvariants(stored: Dump, { visitors, accepted }: History) {
  const users = new Map(stored.users.map((user) => [user.user_id, user]));
  const living = stored.users.filter(isLiving);

  // one user per externalId, one owner per e-mail, and the owner is who bears it
  const named = living.filter(({ external_id }) => external_id !== null);
  expect(new Set(named.map(({ external_id }) => external_id)).size).toBe(named.length);
  const borne = living.filter(({ email_key }) => email_key !== null);
  const owners = borne.map((user) => ({
    email: user.email_key,
    owner: user.external_id === null ? `user:${user.user_id}` : `external:${user.external_id}`,
  }));
  expect(stored.emails.map(({ email, owner }) => ({ email, owner }))).toEqual(
    owners.toSorted((a, b) => (`${a.email}` < `${b.email}` ? -1 : 1)),
  );

  // one target per anonymous account, and everybody is told the same
  const merged = stored.outbox.filter(({ type }) => type === 'user.merged').map(({ body }) => body);
  expect(new Set(merged.map(({ from }) => from)).size).toBe(merged.length);
  const targets = new Map(merged.map(({ from, into }) => [from, into]));
  for (const { merged_into, user_id } of stored.users)
    if (merged_into !== null) expect(targets.get(user_id)).toBe(merged_into);
  for (const { user, handle } of visitors) {
    const outcomes = accepted.filter((link) => link.handle === handle && link.arrived.merge !== 'refused');
    for (const { arrived } of outcomes) expect(arrived.user.userId).toBe(targets.get(user.userId));
    const merges = outcomes.filter(({ arrived }) => arrived.merge !== 'repeated');
    expect(merges.length).toBeLessThanOrEqual(1);
  }

  // what is erased is gone, and nobody bears an externalId and claims from before its erasure
  const erasures = new Map(stored.erased.map(({ external_id_hash, erased_at }) => [external_id_hash, erased_at]));
  for (const { external_id, claims_as_of } of named)
    expect(claims_as_of).toBeGreaterThan(erasures.get(sha256(`${external_id}`)) ?? -1);
  const gone = stored.outbox.filter(({ type }) => type === 'user.erased').map(({ body }) => body['userId']);
  expect(new Set(gone).size).toBe(gone.length);
  for (const userId of gone) expect(users.get(`${userId}`)?.status).toBe('erased');

  // every epoch was told, in order
  const epochs = new Map<string, number>();
  for (const { body } of stored.outbox) {
    if (body['epoch'] === undefined) continue;
    const userId = `${body['from'] ?? body['userId']}`;
    expect(body['epoch']).toBe((epochs.get(userId) ?? 0) + 1);
    epochs.set(userId, Number(body['epoch']));
  }
  for (const { user_id, epoch } of stored.users) expect(epoch).toBe(epochs.get(user_id) ?? 0);
  expectItemsConserved(stored);
}

/** A subscriber gives each new user an item and follows the facts: nothing is lost, and no alias keeps anything. */
function expectItemsConserved({ outbox, users }: Dump) {
  const items = new Map<string, string[]>();
  let deleted = 0;
  for (const { type, body } of outbox) {
    const userId = `${body['userId']}`;
    if (type === 'user.created') items.set(userId, [userId]);
    if (type === 'user.erased') {
      deleted += items.get(userId)?.length ?? 0;
      items.delete(userId);
    }
    if (type === 'user.merged' && body['from'] !== body['into']) {
      const [from, into] = [`${body['from']}`, `${body['into']}`];
      items.set(into, [...items.get(into)!, ...items.get(from)!]);
      items.delete(from);
    }
  }
  expect([...items.keys()].toSorted()).toEqual(users.filter(isLiving).map(({ user_id }) => user_id));
  const kept = [...items.values()].flat();
  expect(new Set(kept).size).toBe(kept.length);
  expect(kept.length + deleted).toBe(outbox.filter(({ type }) => type === 'user.created').length);
}

it('whatever comes at the same time: one user per externalId, one owner per e-mail, one target per account', async () => {
  const batches = fc.array(fc.array(command, { minLength: 1, maxLength: 24 }), { minLength: 1, maxLength: 6 });
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(batches, async (batches) => {
      const clientId = newClient();
      const history: History = { clientId, visitors: [], accepted: [] };
      for (let n = 0; n < visitors; n += 1) history.visitors.push(await visit(replicas[0]!, clientId));
      let stored = await dump(scratch, clientId);
      for (const batch of batches) {
        const anonymous = history.visitors.map(({ user }) => user.userId);
        const ids = [...new Set([...anonymous, ...stored.users.map(({ user_id }) => user_id)])];
        const second = Math.floor(Date.now() / 1000);
        expectOwnFailures(
          await Promise.allSettled(batch.map((command, n) => run(command, replicas[n % 2]!, ids, second, history))),
        );
        stored = await dump(scratch, clientId);
        expectInvariants(stored, history);
      }
      for (const { type } of stored.outbox) seen.add(type);
      for (const { arrived } of history.accepted) seen.add(`${arrived.merge}`);

      // a link that was let in before changes nothing, whatever happened since
      const replays = history.accepted.map(({ said }, n) => replicas[n % 2]!.arrive(said).then(() => {}));
      expectOwnFailures(await Promise.allSettled(replays));
      expect(await dump(scratch, clientId)).toEqual(stored);
    }),
    { numRuns: 40, endOnFailure: true },
  );
  // a property of what never happened would be none
  expect([...seen]).toEqual(
    expect.arrayContaining([
      ...['became', 'absorbed', 'repeated', 'refused', 'user.email_contested', 'user.merge_refused'],
      ...['user.suspended', 'user.restored', 'user.erased', 'user.merged', 'user.updated'],
    ]),
  );
}, 120_000);
