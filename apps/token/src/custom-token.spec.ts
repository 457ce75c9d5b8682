import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { settings } from '#contracts/settings';
import { Secret } from '#env/secret';
import type { ScratchStore } from '#postgres/testing';
import { RedisServer } from '#redis/redis-server.support';
import { customTokenPlace, userHash } from './domain/custom-token.js';
import { guessBudget } from './domain/guess-budget.js';
import { attempt, factsOf, nowSeconds, openSpecRedis, openStore, replica, sealKeys } from './testing.js';
import { Vault } from './vault.js';

let store: ScratchStore;
let connections: [Redis, Redis];
let here: ReturnType<typeof replica>;
let there: ReturnType<typeof replica>;
let keys: Secret;
let clientId: string;
beforeAll(async () => {
  store = await openStore();
  connections = await Promise.all([openSpecRedis(), openSpecRedis()]);
  keys = sealKeys();
  here = replica(store, keys, connections[0]);
  there = replica(store, keys, connections[1]);
});
afterAll(async () => {
  for (const connection of connections) connection.disconnect();
  await store.drop();
});
beforeEach(async () => {
  clientId = await newClient();
});

const newClient = async () =>
  (await here.clients.create({ name: 'Acme', settings: settings.parse({}) })).client.clientId;
interface Made {
  readonly userId: string;
  readonly externalId: string;
  readonly epoch: number;
}
const someone = (): Made => ({ userId: randomUUID(), externalId: `u${randomBytes(4).toString('hex')}`, epoch: 3 });
const offer = async (user: Made, { length = 6, ttlSeconds = 900, on = here, of = clientId } = {}) =>
  on.offerCustom.run({ purpose: 'custom-token', clientId: of, ...user, length, ttlSeconds });
const claim = (externalId: string, secret: string, { on = here, of = clientId, from = attempt(randomUUID()) } = {}) =>
  on.claimCustom.run({ purpose: 'custom-token', clientId: of, externalId, secret, attempt: from });
const refused = { code: 'code.refused', detail: undefined };
const factsAbout = async (id = clientId) => (await factsOf(store)).filter((fact) => fact.clientId === id).slice(2);
const lastReason = async (id = clientId) => (await factsAbout(id)).at(-1)?.body['reason'];

type Guess = Parameters<typeof claim>[2];
/** A secret that is not this one. */
const wrong = (secret: string) => (secret.startsWith('0') ? '1' : '0') + secret.slice(1);
const miss = async (user: Made, secret: string, times = 1, more: Guess = {}) => {
  for (let i = 0; i < times; i += 1) {
    await expect(claim(user.externalId, wrong(secret), more)).rejects.toMatchObject(refused);
  }
};
/** As if all that was counted had been counted so much earlier. */
const later = async (interval: string, of = clientId) => {
  for (const table of ['user_guesses', 'client_guesses']) {
    await store.dataSource.query(
      `UPDATE ${table} SET guessed_at = ARRAY(SELECT at - $1::interval FROM unnest(guessed_at) AS at) WHERE client_id = $2`,
      [interval, of],
    );
  }
};
interface Counts {
  readonly of_token: number;
  readonly in_a_row: number;
  readonly day: number;
  readonly evaluated: number;
}
const until = async (redis: Redis, ready: boolean) => {
  while ((redis.status === 'ready') !== ready) await sleep(5);
};
const countsOf = async (userId: string): Promise<Counts> =>
  (
    await store.dataSource.query(
      'SELECT of_token, in_a_row, cardinality(guessed_at) AS day, evaluated::int FROM user_guesses WHERE user_id = $1',
      [userId],
    )
  )[0];
const clientCounts = async (of = clientId): Promise<Pick<Counts, 'day' | 'evaluated'>> =>
  (
    await store.dataSource.query(
      'SELECT cardinality(guessed_at) AS day, evaluated::int FROM client_guesses WHERE client_id = $1',
      [of],
    )
  )[0];
const locksStated = async (of = clientId): Promise<Record<string, unknown>[]> => {
  const locks = (await factsAbout(of)).filter(({ type }) => type === 'token.locked');
  return locks.map(({ subject, body }) => ({ subject, ...body }));
};

describe('a custom token', () => {
  it.each([6, 15, 16, 32, 128])('of %i digits is claimed once, on another replica too', async (length) => {
    const user = someone();
    const { secret, tokenId, expiresAt } = await offer(user, { length });
    expect(secret).toMatch(new RegExp(`^[0-9a-f]{${length}}$`));
    expect(Math.abs(expiresAt - nowSeconds() - 900)).toBeLessThanOrEqual(2);
    expect(await claim(user.externalId, secret, { on: there })).toEqual({
      client: { clientId, epoch: 0, lifetimes: { access: 900, session: 31_536_000 } },
      ...{ tokenId, expiresAt, ...user, parentId: null },
    });
    await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
    const about = { clientId, subject: `token/${tokenId}` };
    const body = { tokenId, userId: user.userId, purpose: 'custom-token' };
    expect(await factsAbout()).toMatchObject([
      { ...about, type: 'token.offered', body },
      { ...about, type: 'token.claimed', body },
      { type: 'token.claim_failed', body: { purpose: 'custom-token', reason: 'wrong' } },
    ]);
  });

  it.each([6, 32])('of %i digits has one winner of fifty, over two replicas', async (length) => {
    const user = someone();
    const { secret } = await offer(user, { length });
    const claims = Array.from({ length: 50 }, (_, i) => claim(user.externalId, secret, { on: i % 2 ? here : there }));
    const results = await Promise.allSettled(claims);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const codes = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
    expect(new Set(codes)).toEqual(new Set(['code.refused']));
  });

  it('means nothing for another user, client or purpose, and is not consumed there', async () => {
    const [user, neighbour] = [someone(), someone()];
    const other = await newClient();
    const { secret } = await offer(user, { length: 32 });
    await offer(neighbour);
    await expect(claim(neighbour.externalId, secret)).rejects.toMatchObject(refused);
    await expect(claim(user.externalId, secret, { of: other })).rejects.toMatchObject(refused);
    await expect(claim(user.externalId.toUpperCase(), secret)).rejects.toMatchObject(refused);
    await expect(claim(user.externalId, secret.toUpperCase())).rejects.toMatchObject(refused);
    const elsewhere = { purpose: 'one-time', secret, attempt: attempt() } as const;
    await expect(here.claim.run(elsewhere)).rejects.toMatchObject({ code: 'code.refused' });
    expect(await claim(user.externalId, secret)).toMatchObject({ userId: user.userId });
  });

  it('is refused in the same words whatever is wrong with it', async () => {
    const [user, locked, spent] = [someone(), someone(), someone()];
    const [{ secret }, other] = [await offer(user), await offer(locked)];
    await miss(locked, other.secret, guessBudget.token.ever);
    const taken = await offer(spent);
    await claim(spent.externalId, taken.secret);
    const tries: [string, string, string?][] = [
      ['nobody', secret, 'wrong'],
      [user.externalId, wrong(secret), 'wrong'],
      [spent.externalId, taken.secret, 'wrong'],
      [locked.externalId, other.secret, 'locked'],
      [user.externalId, 'canary', 'malformed'],
      [user.externalId, '', 'malformed'],
      [user.externalId, 'abcd', 'malformed'],
      ['\u0000', secret, 'malformed'],
      [user.externalId, randomBytes(16).toString('hex'), 'wrong'],
    ];
    const answers = [];
    for (const [externalId, text, reason] of tries) {
      answers.push(await claim(externalId, text).catch(({ code, detail, message }) => ({ code, detail, message })));
      expect(await lastReason()).toBe(reason);
    }
    await expect(claim(user.externalId, secret, { of: 'nobody00' })).rejects.toMatchObject(refused);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(JSON.stringify(await factsOf(store))).not.toContain('canary');
  });

  it('dies with its time, also one that an old copy of Redis brings back', async () => {
    const user = someone();
    const { secret } = await offer(user, { length: 32, ttlSeconds: 60 });
    const [key = ''] = await connections[0].keys(`token:custom:${clientId}:*`);
    expect(await connections[0].ttl(key)).toBeGreaterThan(58);
    const value = JSON.parse((await connections[0].get(key)) ?? '');
    await connections[0].set(key, JSON.stringify({ ...value, expiresAt: nowSeconds() - 1 }), 'EX', 60);
    await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
    expect(await lastReason()).toBe('expired');
  });

  it('of a suspended client is refused like any other, and neither counted nor consumed', async () => {
    const user = someone();
    const [{ secret }] = [await offer(user)];
    await here.clients.update({ clientId, status: 'suspended' });
    await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
    expect(await lastReason()).toBe('suspended');
    expect(await countsOf(user.userId)).toMatchObject({ evaluated: 0 });
    // known here as suspended, restored elsewhere: the second look finds it
    await there.clients.update({ clientId, status: 'active' });
    expect(await claim(user.externalId, secret)).toMatchObject({ userId: user.userId });
  });

  it('made with the keys before the last rotation still works, and not without them', async () => {
    const next = new Secret(`k2:${randomBytes(32).toString('base64')}`);
    await store.dataSource.query('DELETE FROM link_secrets WHERE client_id = $1', [clientId]);
    const rotated = replica(store, new Secret(`${next.reveal()},${keys.reveal()}`), connections[0]);
    const forgotten = replica(store, next, connections[0]);
    for (const length of [6, 32]) {
      const user = someone();
      const { secret } = await offer(user, { length });
      await expect(claim(user.externalId, secret, { on: forgotten })).rejects.toMatchObject(refused);
      expect(await claim(user.externalId, secret, { on: rotated })).toMatchObject({ userId: user.userId });
      const newer = await offer(user, { length, on: rotated });
      expect(await claim(user.externalId, newer.secret, { on: forgotten })).toMatchObject({ userId: user.userId });
    }
  });

  it('whose taking cannot be told is in doubt, not available', async () => {
    for (const length of [6, 32]) {
      const user = someone();
      const { secret } = await offer(user, { length });
      await store.dataSource.query('ALTER TABLE outbox RENAME TO gone');
      try {
        await expect(claim(user.externalId, secret)).rejects.toMatchObject({ code: 'service.silent' });
      } finally {
        await store.dataSource.query('ALTER TABLE gone RENAME TO outbox');
      }
      await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
    }
  });

  it('costs two statements and one command of Redis when it is short, and one when it is long', async () => {
    const user = someone();
    await claim(user.externalId, (await offer(user)).secret);
    const [short, long] = [await offer(user), await offer(user, { length: 32 })];
    const query = jest.spyOn(store.postgres, 'query');
    const take = jest.spyOn(connections[0], 'getdel');
    try {
      await claim(user.externalId, short.secret);
      expect([query.mock.calls.length, take.mock.calls.length]).toEqual([2, 1]);
      await claim(user.externalId, long.secret);
      expect([query.mock.calls.length, take.mock.calls.length]).toEqual([3, 2]);
    } finally {
      query.mockRestore();
      take.mockRestore();
    }
  });

  it('stands nowhere in clear, nor its user, nor anything short secrets could be tried on without the keys', async () => {
    const user = { ...someone(), externalId: `canary-${randomBytes(8).toString('hex')}` };
    const offers = [await offer(user), await offer(user, { length: 32 })];
    await miss(user, offers[0]?.secret ?? '', 2);
    const names = await connections[0].keys(`*${clientId}*`);
    const values = await Promise.all(names.map((name) => connections[0].get(name)));
    const tables = await Promise.all(
      ['user_guesses', 'client_guesses', 'outbox'].map((table) =>
        store.dataSource.query(`SELECT t::text FROM ${table} t WHERE client_id = $1`, [clientId]),
      ),
    );
    expect(names).toHaveLength(2);
    expect(tables[0]).toHaveLength(1);
    const rested = JSON.stringify([names, values, tables]);
    expect(rested).not.toContain(user.externalId);
    for (const { secret } of offers) {
      // six digits may stand in any hex by chance: as a word
      expect(rested).not.toMatch(new RegExp(`(?<![0-9a-f])${secret}(?![0-9a-f])`));
      const inputs = [secret, `${clientId} ${secret}`, `${user.externalId} ${secret}`, `${user.externalId}${secret}`];
      const digests = inputs.flatMap((input) =>
        ['sha256', 'sha512', 'sha1', 'md5'].map((name) => createHash(name).update(input)),
      );
      for (const digest of digests.map((hash) => hash.digest())) {
        for (const form of ['hex', 'base64url', 'base64'] as const) expect(rested).not.toContain(digest.toString(form));
      }
    }
    // what names a secret is keyed: under other keys the same text has another name
    const place = (ring: Secret) =>
      customTokenPlace(
        new Vault(ring).peppers('segue custom token')[0],
        clientId,
        userHash(clientId, user.externalId),
        offers[0]?.secret ?? '',
      );
    expect(names).toContain(`token:custom:${place(keys)}`);
    expect(place(sealKeys())).not.toBe(place(keys));
  });
});

describe('guesses at a short secret', () => {
  it('end it after five wrong ones, told once, and the user gets another', async () => {
    const user = someone();
    const { secret, tokenId } = await offer(user);
    await miss(user, secret, guessBudget.token.ever - 1);
    expect(await locksStated()).toEqual([]);
    await miss(user, secret);
    const lock = { subject: `token/${tokenId}`, scope: 'token', tokenId, userId: user.userId };
    expect(await locksStated()).toEqual([lock]);
    await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
    expect(await lastReason()).toBe('locked');
    await miss(user, secret, 3);
    expect(await countsOf(user.userId)).toEqual({ of_token: 5, in_a_row: 5, day: 5, evaluated: 5 });
    expect(await locksStated()).toEqual([lock]);
    const next = await offer(user);
    expect(await claim(user.externalId, next.secret)).toMatchObject({ tokenId: next.tokenId });
  });

  it('do not end it before: the fifth may be right', async () => {
    const user = someone();
    const { secret } = await offer(user);
    await miss(user, secret, guessBudget.token.ever - 1);
    expect(await claim(user.externalId, secret)).toMatchObject({ userId: user.userId });
    expect(await locksStated()).toEqual([]);
  });

  it('are ten an hour for a user, any sixty minutes, whatever the token', async () => {
    const user = someone();
    await miss(user, (await offer(user)).secret, 5);
    await later('40 minutes');
    await miss(user, (await offer(user)).secret, 5);
    const { secret } = await offer(user);
    const locks = (await locksStated()).filter((lock) => lock['scope'] === 'user');
    expect(locks).toEqual([
      { subject: `user/${user.userId}`, scope: 'user', userId: user.userId, until: expect.any(String) },
    ]);
    const until = Date.parse(String(locks[0]?.['until'])) / 1000;
    expect(Math.abs(until - nowSeconds() - 20 * 60)).toBeLessThanOrEqual(10);
    await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
    expect(await lastReason()).toBe('locked');
    expect(await countsOf(user.userId)).toMatchObject({ of_token: 0, day: 10, evaluated: 10 });
    // the first five are an hour old, the others are not
    await later('21 minutes');
    await miss(user, secret, 4);
    expect(await claim(user.externalId, secret)).toMatchObject({ userId: user.userId });
    await miss(user, (await offer(user)).secret, 2);
    expect(await countsOf(user.userId)).toMatchObject({ evaluated: 10 + 4 + 1 + 1 });
  });

  it('are thirty a day for a user', async () => {
    const user = someone();
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < 2; j += 1) await miss(user, (await offer(user)).secret, 5);
      await later('61 minutes');
    }
    const { secret } = await offer(user);
    await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
    expect(await lastReason()).toBe('locked');
    expect(await countsOf(user.userId)).toMatchObject({ day: 30, evaluated: 30 });
    const until = (await locksStated()).at(-1)?.['until'];
    // the first of the thirty was two hours ago when the last came
    expect(Math.abs(Date.parse(String(until)) / 1000 - nowSeconds() - (24 * 60 - 122) * 60)).toBeLessThanOrEqual(10);
    await later('21 hours');
    expect(await claim(user.externalId, secret)).toMatchObject({ userId: user.userId });
  });

  it('lock a user after a hundred in a row until somebody unlocks them, and then the windows still hold', async () => {
    const user = someone();
    const { secret } = await offer(user);
    await store.dataSource.query('UPDATE user_guesses SET in_a_row = 99 WHERE user_id = $1', [user.userId]);
    await miss(user, secret);
    const lock = { subject: `user/${user.userId}`, scope: 'user', userId: user.userId };
    expect(await locksStated()).toEqual([lock]);
    await later('2 days');
    const next = await offer(user);
    await expect(claim(user.externalId, next.secret)).rejects.toMatchObject(refused);
    expect(await lastReason()).toBe('locked');
    const long = await offer(user, { length: 32 });
    expect(await claim(user.externalId, long.secret)).toMatchObject({ userId: user.userId });
    expect((await countsOf(user.userId)).in_a_row).toBe(100);

    await there.unlock.run({ clientId, externalId: 'nobody' });
    await expect(claim(user.externalId, next.secret)).rejects.toMatchObject(refused);
    await there.unlock.run({ clientId, externalId: user.externalId });
    await miss(user, next.secret);
    await there.unlock.run({ clientId, externalId: user.externalId });
    expect(await countsOf(user.userId)).toMatchObject({ of_token: 1, in_a_row: 0, day: 1 });
    expect(await claim(user.externalId, next.secret)).toMatchObject({ userId: user.userId });
  });

  it('that are right take back their own count, and end the row of wrong ones, and lower nothing else', async () => {
    const user = someone();
    await miss(user, (await offer(user)).secret, 3);
    const { secret } = await offer(user);
    await miss(user, secret, 2);
    await claim(user.externalId, secret);
    expect(await countsOf(user.userId)).toEqual({ of_token: 3, in_a_row: 0, day: 5, evaluated: 6 });
    expect(await clientCounts()).toEqual({ day: 5, evaluated: 6 });
    expect(await here.guesses.evaluated(clientId)).toBe(6);
    await miss(user, (await offer(user)).secret, 5);
    await expect(claim(user.externalId, (await offer(user)).secret)).rejects.toMatchObject(refused);
    expect(await lastReason()).toBe('locked');
  });

  it('are a hundred an hour for a client, and long secrets and other clients go on', async () => {
    const users = Array.from({ length: 21 }, someone);
    const offers = await Promise.all(users.map((user) => offer(user)));
    const pairs = users.map((user, i) => ({ user, secret: offers[i]?.secret ?? '' }));
    await Promise.all(
      pairs.slice(0, 20).map(({ user, secret }, i) => miss(user, secret, 5, { on: i % 2 ? here : there })),
    );
    expect(await clientCounts()).toEqual({ day: 100, evaluated: 100 });
    const lock = (await locksStated()).filter((lock) => lock['scope'] === 'client');
    expect(lock).toEqual([{ subject: `client/${clientId}`, scope: 'client', until: expect.any(String) }]);

    const [last] = pairs.slice(-1);
    await expect(claim(last?.user.externalId ?? '', last?.secret ?? '')).rejects.toMatchObject(refused);
    expect(await lastReason()).toBe('locked');
    expect(await countsOf(last?.user.userId ?? '')).toMatchObject({ of_token: 0, evaluated: 0 });
    const long = await offer(users[0] ?? someone(), { length: 32 });
    await claim(users[0]?.externalId ?? '', long.secret);
    const other = await newClient();
    const elsewhere = await offer(someone(), { of: other });
    expect(elsewhere.secret).toHaveLength(6);
    const theirs = someone();
    const short = await offer(theirs, { of: other });
    expect(await claim(theirs.externalId, short.secret, { of: other })).toMatchObject({ userId: theirs.userId });

    await later('61 minutes');
    expect(await claim(last?.user.externalId ?? '', last?.secret ?? '')).toMatchObject({ userId: last?.user.userId });
    expect(await clientCounts()).toEqual({ day: 100, evaluated: 101 });
  });

  it('are a thousand a day for a client', async () => {
    const user = someone();
    const { secret } = await offer(user);
    await store.dataSource.query(
      `UPDATE client_guesses SET guessed_at = array_fill(now() - interval '2 hours', ARRAY[999]) WHERE client_id = $1`,
      [clientId],
    );
    await miss(user, secret);
    const [lock] = await locksStated();
    expect(Math.abs(Date.parse(String(lock?.['until'])) / 1000 - nowSeconds() - 22 * 3600)).toBeLessThanOrEqual(10);
    await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
    expect(await lastReason()).toBe('locked');
    await later('22 hours 1 minute');
    expect(await claim(user.externalId, secret)).toMatchObject({ userId: user.userId });
  });

  it('are counted nowhere for users who have no live short secret: inventing them suspends nobody', async () => {
    const [long, spent, expired, live] = [someone(), someone(), someone(), someone()];
    await offer(long, { length: 32 });
    await claim(spent.externalId, (await offer(spent)).secret);
    await offer(expired);
    await store.dataSource.query('UPDATE user_guesses SET live_until = now() WHERE user_id = $1', [expired.userId]);
    const { secret } = await offer(live);
    const before = await clientCounts();
    const strangers = Array.from({ length: 150 }, someone);
    for (const user of [long, spent, expired, ...strangers]) await miss(user, 'abcdef');
    expect(await clientCounts()).toEqual(before);
    expect(await claim(live.externalId, secret)).toMatchObject({ userId: live.userId });
  });

  it('of 64 bit or more are not counted, wrong or right', async () => {
    const user = someone();
    const short = await offer(user);
    await miss(user, short.secret, 2);
    const before = await countsOf(user.userId);
    const { secret } = await offer(user, { length: 16 });
    await miss(user, secret, 20);
    await claim(user.externalId, secret);
    expect(await countsOf(user.userId)).toEqual(before);
    expect(await claim(user.externalId, short.secret)).toMatchObject({ tokenId: short.tokenId });
  });

  it.each([1, 2])('of a burst of 500 from 500 addresses over two replicas, five are evaluated (%i)', async () => {
    const user = someone();
    const { secret, tokenId } = await offer(user);
    const guesses = Array.from({ length: 500 }, (_, i) => {
      const text = i.toString(16).padStart(6, '0');
      const from = attempt(`burst-${i}`);
      return claim(user.externalId, text === secret ? wrong(secret) : text, { on: i % 2 ? here : there, from });
    });
    const results = await Promise.allSettled(guesses);
    const codes = results.map((result) => (result.status === 'rejected' ? result.reason.code : 'taken'));
    expect(new Set(codes)).toEqual(new Set(['code.refused']));
    expect(await countsOf(user.userId)).toEqual({ of_token: 5, in_a_row: 5, day: 5, evaluated: 5 });
    expect(await here.guesses.evaluated(clientId)).toBe(5);
    const reasons = (await factsAbout()).flatMap(({ body }) => (body['reason'] ? [body['reason']] : []));
    expect(reasons.filter((reason) => reason === 'wrong')).toHaveLength(5);
    expect(reasons.filter((reason) => reason === 'locked')).toHaveLength(495);
    expect(await locksStated()).toEqual([
      { subject: `token/${tokenId}`, scope: 'token', tokenId, userId: user.userId },
    ]);
    await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
  });

  it('of a burst at 30 users of a client stop at a hundred, over two replicas', async () => {
    const users = Array.from({ length: 30 }, someone);
    const offers = await Promise.all(users.map((user) => offer(user)));
    const guesses = Array.from({ length: 300 }, (_, i) => {
      const [user, made] = [users[i % 30], offers[i % 30]];
      return claim(user?.externalId ?? '', wrong(made?.secret ?? ''), { on: i % 7 ? here : there });
    });
    const codes = (await Promise.allSettled(guesses)).map(
      (result) => result.status === 'rejected' && result.reason.code,
    );
    expect(new Set(codes)).toEqual(new Set(['code.refused']));
    expect(await clientCounts()).toEqual({ day: 100, evaluated: 100 });
    const [{ most, sum }] = await store.dataSource.query(
      'SELECT max(of_token) AS most, sum(evaluated)::int AS sum FROM user_guesses WHERE client_id = $1',
      [clientId],
    );
    expect(sum).toBe(100);
    expect(most).toBeLessThanOrEqual(5);
    expect((await locksStated()).filter((lock) => lock['scope'] === 'client')).toHaveLength(1);
  });

  it('of a rush of 200 users who are all right are no siege', async () => {
    const users = Array.from({ length: 200 }, someone);
    const offers = await Promise.all(users.map((user, i) => offer(user, { on: i % 2 ? here : there })));
    const claims = users.map((user, i) =>
      claim(user.externalId, offers[i]?.secret ?? '', { on: i % 2 ? here : there }),
    );
    const taken = await Promise.all(claims);
    expect(taken.map(({ userId }) => userId)).toEqual(users.map(({ userId }) => userId));
    expect(await clientCounts()).toEqual({ day: 0, evaluated: 200 });
    const [{ left }] = await store.dataSource.query(
      'SELECT sum(cardinality(guessed_at) + in_a_row)::int AS left FROM user_guesses WHERE client_id = $1',
      [clientId],
    );
    expect(left).toBe(0);
  });

  it('stay counted when Redis does not answer or loses everything, and are not counted without it', async () => {
    const server = await RedisServer.at();
    try {
      await server.up();
      const redis = await openSpecRedis(server.url);
      const alone = replica(store, keys, redis);
      const user = someone();
      const { secret } = await offer(user, { on: alone });
      await miss(user, secret, 3, { on: alone });
      server.pause();
      await expect(claim(user.externalId, secret, { on: alone })).rejects.toMatchObject({ code: 'service.silent' });
      server.resume();
      expect(await countsOf(user.userId)).toMatchObject({ of_token: 4 });
      // the guess may have come through, so the next secret
      const next = await offer(user, { on: alone });
      await miss(user, next.secret, 4, { on: alone });
      await server.kill();
      await until(redis, false);
      for (const text of [next.secret, 'f'.repeat(32)]) {
        const away = claim(user.externalId, text, { on: alone });
        await expect(away).rejects.toMatchObject({ code: 'service.unavailable' });
      }
      await server.up();
      await until(redis, true);
      expect(await countsOf(user.userId)).toMatchObject({ of_token: 4 });
      // a restart, and one that lost everything, gives nobody a sixth guess
      await miss(user, next.secret, 1, { on: alone });
      await redis.flushall();
      await expect(claim(user.externalId, next.secret, { on: alone })).rejects.toMatchObject(refused);
      expect(await countsOf(user.userId)).toMatchObject({ of_token: 5, evaluated: 9 });
      redis.disconnect();
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  it('are not compared when they cannot be counted', async () => {
    const user = someone();
    const { secret } = await offer(user);
    await store.dataSource.query('ALTER TABLE user_guesses RENAME TO gone');
    try {
      await expect(claim(user.externalId, secret)).rejects.toThrow();
    } finally {
      await store.dataSource.query('ALTER TABLE gone RENAME TO user_guesses');
    }
    expect(await claim(user.externalId, secret)).toMatchObject({ userId: user.userId });
  });
});

describe('of the short secrets of a user', () => {
  it('only the newest lives, though the others stand in Redis', async () => {
    const user = someone();
    const [older, newer] = [await offer(user), await offer(user)];
    expect(await connections[0].keys(`token:custom:${clientId}:*`)).toHaveLength(2);
    await expect(claim(user.externalId, older.secret)).rejects.toMatchObject(refused);
    expect(await lastReason()).toBe('wrong');
    expect(await claim(user.externalId, newer.secret)).toMatchObject({ tokenId: newer.tokenId });
  });

  it('none can be taken once a newer one is told, however they race', async () => {
    for (let round = 0; round < 10; round += 1) {
      const user = someone();
      const older = await offer(user);
      let told = false;
      const offering = offer(user, { on: there }).then((newer) => {
        told = true;
        return newer;
      });
      const late: boolean[] = [];
      const claims = Array.from({ length: 4 }, async (_, i) => {
        await sleep(i * Math.random() * 2);
        const begunLate = told;
        const taken = await claim(user.externalId, older.secret, { on: i % 2 ? here : there }).catch(() => null);
        if (taken) late.push(begunLate);
      });
      const [newer] = await Promise.all([offering, ...claims]);
      expect(late.filter((begunLate) => begunLate)).toEqual([]);
      expect(late.length).toBeLessThanOrEqual(1);
      expect(await claim(user.externalId, newer.secret)).toMatchObject({ tokenId: newer.tokenId });
    }
  });

  it('the newest of fifty made at once lives, and no other', async () => {
    const user = someone();
    const offers = await Promise.all(Array.from({ length: 50 }, (_, i) => offer(user, { on: i % 2 ? here : there })));
    const [{ token_id: live }] = await store.dataSource.query('SELECT token_id FROM user_guesses WHERE user_id = $1', [
      user.userId,
    ]);
    const newest = offers.find(({ tokenId }) => tokenId === live);
    const [other] = offers.filter(({ tokenId, secret }) => tokenId !== live && secret !== newest?.secret);
    await expect(claim(user.externalId, other?.secret ?? '')).rejects.toMatchObject(refused);
    expect(await claim(user.externalId, newest?.secret ?? '')).toMatchObject({ tokenId: live });
  });

  it('one that was spent before Redis was restored stays spent', async () => {
    const user = someone();
    const { secret } = await offer(user);
    const [key = ''] = await connections[0].keys(`token:custom:${clientId}:*`);
    const value = (await connections[0].get(key)) ?? '';
    await claim(user.externalId, secret);
    await connections[0].set(key, value, 'EX', 60);
    await expect(claim(user.externalId, secret)).rejects.toMatchObject(refused);
  });
});

describe('guess rows', () => {
  const age = (user: Made, interval: string, inARow = 0) =>
    store.dataSource.query(
      'UPDATE user_guesses SET live_until = now() - $1::interval, in_a_row = $2 WHERE user_id = $3',
      [interval, inARow, user.userId],
    );

  it('are forgotten a day later, those with wrong guesses in a year, those that lock never', async () => {
    const users = Array.from({ length: 6 }, someone);
    for (const user of users) await offer(user);
    const [today, yesterday, wrongOnce, wrongLongAgo, lockedLongAgo, live] = users as [
      Made,
      Made,
      Made,
      Made,
      Made,
      Made,
    ];
    await age(today, '23 hours');
    await age(yesterday, '25 hours');
    await age(wrongOnce, '300 days', 1);
    await age(wrongLongAgo, '367 days', 99);
    await age(lockedLongAgo, '999 days', 100);
    while ((await here.guesses.forget(500)) > 0);
    const rows: { user_id: string }[] = await store.dataSource.query(
      'SELECT user_id FROM user_guesses WHERE client_id = $1',
      [clientId],
    );
    const kept = [today, wrongOnce, lockedLongAgo, live].map(({ userId }) => userId);
    expect(new Set(rows.map(({ user_id }) => user_id))).toEqual(new Set(kept));
  });
});
