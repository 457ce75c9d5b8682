import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Outbox } from '#outbox/outbox';
import { statement } from '#postgres/postgres';
import type { ScratchStore } from '#postgres/testing';
import { openStore } from '../testing.js';
import type { Guarded } from './guarded.js';
import { GuessStore } from './guess.store.js';
import type { Admitted } from './guess-counting.js';

let store: ScratchStore;
beforeAll(async () => {
  store = await openStore();
  await store.dataSource.query(
    `INSERT INTO clients (client_id, name, settings) SELECT 'c' || lpad(n::text, 10, '0'), 'x', '{}' FROM generate_series(1, 50) n`,
  );
});
afterAll(() => store.drop());

const replica = () => new GuessStore(store.postgres, new Outbox());
const clientNamed = (n: number) => `c${String(n).padStart(10, '0')}`;
const guarded = (n: number): Guarded => ({ clientId: clientNamed(n), userHash: randomBytes(32) });
const live = (user: Guarded) => ({ ...user, userId: randomUUID(), tokenId: randomUUID(), ttlSeconds: 60 });
const right = (guesses: GuessStore, user: Guarded, admitted: Admitted) => {
  const { tokenId, userId } = admitted;
  const body = { tokenId, userId, purpose: 'custom-token' } as const;
  const fact = { type: 'token.claimed', clientId: user.clientId, subject: `token/${tokenId}`, body } as const;
  return guesses.clear(user, admitted, fact);
};

it('finds users and clients by their keys, also with plans made while the tables were empty', async () => {
  const names = ['count_guesses', 'clear_guesses'];
  const generic = statement('spec.generic', 'SET LOCAL plan_cache_mode = force_generic_plan');
  const explain = {
    count_guesses: statement('spec.explain_count', `EXPLAIN EXECUTE "token.count_guesses"('{}', '{}')`),
    clear_guesses: statement(
      'spec.explain_clear',
      `EXPLAIN EXECUTE "token.clear_guesses"('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')`,
    ),
  };
  const plans = await store.postgres.transaction(async (tx) => {
    await tx.query(generic);
    // the pool is nobody's but this spec's: what the store sends there goes to this connection
    const here = new GuessStore({ query: tx.query.bind(tx) } as typeof store.postgres, new Outbox());
    const user = guarded(1);
    await here.count(user);
    await here.replace(live(user));
    await right(here, user, (await here.count(user)) as Admitted);
    await tx.query(
      statement(
        'spec.fill',
        `INSERT INTO user_guesses (client_id, user_hash, user_id, token_id, live_until)
         SELECT 'c' || lpad((n % 50 + 1)::text, 10, '0'), sha256(n::text::bytea), gen_random_uuid(), gen_random_uuid(), now()
         FROM generate_series(1, 5000) n`,
      ),
    );
    const found: { 'QUERY PLAN': string }[] = [];
    for (const name of names)
      found.push(...(await tx.query<{ 'QUERY PLAN': string }>(explain[name as keyof typeof explain])));
    return found;
  });
  const scans = plans.flatMap((row) => /\w+ Scan.* on (user|client)_guesses/.exec(row['QUERY PLAN'])?.[0] ?? []);
  const byKey = ['user', 'client'].map((table) => `Index Scan using ${table}_guesses_pkey on ${table}_guesses`);
  expect(new Set(scans)).toEqual(new Set(byKey));
});

it('guesses by one plan, also who comes alone', async () => {
  const plans = await store.postgres.transaction(async (tx) => {
    const here = new GuessStore({ query: tx.query.bind(tx) } as typeof store.postgres, new Outbox());
    for (let n = 0; n < 20; n += 1) {
      const user = guarded(1);
      await here.replace(live(user));
      await right(here, user, (await here.count(user)) as Admitted);
    }
    return tx.query<{ anew: number }>(
      statement(
        'spec.plans',
        `SELECT custom_plans::int AS anew FROM pg_prepared_statements
         WHERE name IN ('token.replace_short_secrets', 'token.count_guesses', 'token.clear_guesses')`,
      ),
    );
  });
  expect(plans.map(({ anew }) => anew < 20)).toEqual([true, true, true]);
});

it('loses no count and meets itself in no circle, whatever many replicas do at once', async () => {
  const replicas = Array.from({ length: 4 }, replica);
  const users = Array.from({ length: 40 }, (_, n) => guarded(10 + (n % 4)));
  const [first] = replicas;
  for (const user of users) await first?.replace(live(user));
  const tallies = { admitted: 0, right: 0 };
  const one = async (guesses: GuessStore) => {
    // several at once, in any order, so that each statement holds many rows
    const some = users.toSorted(() => Math.random() - 0.5).slice(0, 12);
    await Promise.all(
      some.map(async (user) => {
        const standing = await guesses.count(user);
        if (standing === 'none' || standing === 'locked') return guesses.replace(live(user));
        tallies.admitted += 1;
        if (Math.random() < 0.2) return undefined;
        tallies.right += 1;
        return right(guesses, user, standing);
      }),
    );
  };
  await Promise.all(replicas.map(async (guesses) => Promise.all(Array.from({ length: 15 }, () => one(guesses)))));
  const counted = async (table: string) =>
    (
      await store.dataSource.query(
        `SELECT sum(cardinality(guessed_at))::int AS wrong, sum(evaluated)::int AS evaluated FROM ${table}
         WHERE client_id BETWEEN $1 AND $2`,
        [clientNamed(10), clientNamed(13)],
      )
    )[0];
  const expected = { wrong: tallies.admitted - tallies.right, evaluated: tallies.admitted };
  expect(tallies.admitted).toBeGreaterThan(100);
  expect(await counted('user_guesses')).toEqual(expected);
  expect(await counted('client_guesses')).toEqual(expected);
});
