import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Opening } from './opening.js';
import { chain, child, newClient, opened, type Replicas, twoReplicas } from './testing.js';

let replicas: Replicas;
beforeAll(async () => {
  replicas = await twoReplicas();
});
afterAll(() => replicas.end());

let clientId: string;
let subject: string;
beforeEach(() => {
  clientId = newClient();
  subject = randomUUID();
});

/** A session of which its subject keeps so many. */
const oneOf = (most: number | null, given: Partial<Opening> = {}) =>
  chain({ clientId, subject, protocol: 'custom-token', mostPerSubject: most, ...given });

/** Of a protocol whose credential a browser presents when the next session opens. */
const inBrowser = { protocol: 'one-time' } as const;

async function open(most: number | null, given: Partial<Opening> = {}): Promise<Opening> {
  const row = oneOf(most, given);
  await opened(replicas.one, row);
  return row;
}

async function openInTurn(count: number, most: number | null, given: Partial<Opening> = {}): Promise<Opening[]> {
  const rows: Opening[] = [];
  while (rows.length < count) rows.push(await open(most, given));
  return rows;
}

const ids = (rows: readonly { sessionId: string }[]) => rows.map(({ sessionId }) => sessionId);
const living = async (of = subject) => ids(await replicas.two.list(clientId, of));
const closed = async () =>
  (await replicas.facts(clientId, 'session.closed')).map(({ body }) => [body['sessionId'], body['reason']]);

describe('one session more than a subject keeps', () => {
  it('ends the oldest, and states it', async () => {
    const [first, second, third, fourth] = await openInTurn(4, 2);
    expect(await living()).toEqual([fourth?.sessionId, third?.sessionId]);
    expect(await closed()).toEqual([
      [first?.sessionId, 'crowded_out'],
      [second?.sessionId, 'crowded_out'],
    ]);
  });

  it('ends what hangs on the oldest too', async () => {
    const first = await open(1);
    const below = child(first);
    const leaf = child(below);
    for (const row of [below, leaf]) await opened(replicas.one, row);
    const second = await open(1);
    expect(await living()).toEqual([second.sessionId]);
    expect(await closed()).toEqual(ids([first, below, leaf]).map((id) => [id, 'crowded_out']));
  });

  it('leaves every other protocol, subject and client alone', async () => {
    const others = [
      chain({ clientId, subject }),
      oneOf(1, { subject: randomUUID() }),
      oneOf(1, { clientId: newClient() }),
      oneOf(1, { protocol: 'one-time' }),
    ];
    await Promise.all(others.map((row) => opened(replicas.one, row)));
    await openInTurn(2, 1);
    for (const row of others) expect(await replicas.two.find(row)).not.toBeNull();
    expect(await closed()).toHaveLength(1);
  });

  it('is none while the others are closed, expired or stale', async () => {
    const [closedOne, expired, stale] = (await openInTurn(3, 3)) as [Opening, Opening, Opening];
    await replicas.one.closeOne({ clientId, reason: 'admin', traceparent: null }, closedOne.sessionId, null);
    await replicas.sql('UPDATE sessions SET expires_at = now() WHERE session_id = $1', [expired.sessionId]);
    await replicas.epochs.raise([{ clientId, subject: stale.subject, least: 1 }]);
    const before = await closed();
    for (let count = 0; count < 3; count += 1) await open(3, { epoch: 1 });
    expect(await living()).toHaveLength(3);
    expect(await closed()).toEqual(before);
  });

  it('is counted with those that were opened when any number was allowed, or more', async () => {
    await openInTurn(3, null);
    const [kept] = (await openInTurn(3, 10)).slice(-1);
    const last = await open(2);
    expect(await living()).toEqual(ids([last, kept as Opening]));
    expect(await closed()).toHaveLength(5);
  });

  it('asked for again after a lost answer is the same, and ends nobody else', async () => {
    await openInTurn(2, 2);
    const row = await open(2);
    const before = [await living(), await closed()];
    expect((await opened(replicas.two, row)).session.sessionId).toBe(row.sessionId);
    expect([await living(), await closed()]).toEqual(before);
  });

  it('asked for again ends the oldest where the first try did not come to it', async () => {
    const [first] = await openInTurn(2, 3);
    const [, row] = [await open(3), await open(null)];
    expect(await living()).toHaveLength(4);
    await opened(replicas.two, { ...row, mostPerSubject: 3 });
    expect(await living()).toHaveLength(3);
    expect(await closed()).toEqual([[first?.sessionId, 'crowded_out']]);
  });

  it('is never the victim of its own ask, however many were opened before it came to close the oldest', async () => {
    const [late, middle, newest] = (await openInTurn(3, null)) as [Opening, Opening, Opening];
    await opened(replicas.two, { ...late, mostPerSubject: 1 });
    expect(await living()).toEqual(ids([newest, late]));
    expect(await closed()).toEqual([[middle.sessionId, 'crowded_out']]);
  });

  it('that opens nothing ends nothing', async () => {
    const fence = { origin: `ott:${randomUUID()}`, originUntil: Math.floor(Date.now() / 1000) + 600 };
    const first = await open(1, fence);
    expect(await replicas.two.open(oneOf(1, fence))).toEqual({ outcome: 'spent' });
    expect(await living()).toEqual([first.sessionId]);
    expect(await closed()).toEqual([]);
  });

  it('replaces the session of its browser first: then there is room', async () => {
    const [first, second] = (await openInTurn(2, 2, inBrowser)) as [Opening, Opening];
    const third = await open(2, { ...inBrowser, presented: second.sessionId });
    expect(await living()).toEqual(ids([third, first]));
    expect(await closed()).toEqual([[second.sessionId, 'replaced']]);
  });
});

it('costs one statement as long as there is room, and a transaction when there is none', async () => {
  const statements = jest.spyOn(replicas.postgres, 'query');
  const transactions = jest.spyOn(replicas.postgres, 'transaction');
  const cost = async (most: number | null) => {
    statements.mockClear();
    transactions.mockClear();
    await open(most);
    return [statements.mock.calls.length, transactions.mock.calls.length];
  };
  expect([await cost(2), await cost(2), await cost(2), await cost(null)]).toEqual([
    [1, 0],
    [1, 0],
    [1, 1],
    [1, 0],
  ]);
  jest.restoreAllMocks();
});

it('shares no statement with another of its subject, which Postgres would refuse', async () => {
  const statements = jest.spyOn(replicas.postgres, 'query');
  await Promise.all(Array.from({ length: 10 }, () => open(10)));
  const settled = await Promise.allSettled(statements.mock.results.map(({ value }) => value));
  expect(settled.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 'fulfilled'));
  jest.restoreAllMocks();
});

describe('at once', () => {
  const newestOf = async (most: number) =>
    (
      await replicas.sql<{ session_id: string }>(
        'SELECT session_id FROM sessions WHERE client_id = $1 AND subject = $2 ORDER BY created_at DESC LIMIT $3',
        [clientId, subject, most],
      )
    ).map(({ session_id }) => session_id);

  it.each([
    ['10', 10, 0],
    ['one', 1, 0],
    ['10, of which there are 9', 10, 9],
  ])('50 openings at two replicas leave the newest %s, and each other ends once', async (_, most, before) => {
    const all = [
      ...(await openInTurn(before, most)),
      ...(await Promise.all(
        Array.from({ length: 50 }, async (_each, index) => {
          const row = oneOf(most);
          await opened(replicas[index % 2 ? 'one' : 'two'], row);
          return row;
        }),
      )),
    ];
    const left = await living();
    expect(left).toHaveLength(most);
    expect(left).toEqual(await newestOf(most));
    const ended = await closed();
    expect(ended.map(([id]) => id).sort()).toEqual(
      ids(all.filter(({ sessionId }) => !left.includes(sessionId))).sort(),
    );
    expect(new Set(ended.map(([, reason]) => reason))).toEqual(new Set(['crowded_out']));
  });

  it('50 openings of which every second is in a browser with a session leave so many', async () => {
    const browsers = await openInTurn(10, 10, inBrowser);
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => {
        const presented = index % 2 ? (browsers[index % 10]?.sessionId ?? null) : null;
        return opened(replicas[index % 4 < 2 ? 'one' : 'two'], oneOf(10, { ...inBrowser, presented }));
      }),
    );
    expect(await living()).toEqual(await newestOf(10));
    expect(new Set((await closed()).map(([, reason]) => reason))).toEqual(new Set(['crowded_out', 'replaced']));
    expect(await closed()).toHaveLength(50);
  });

  it('50 users with two openings each keep one each', async () => {
    const subjects = Array.from({ length: 50 }, () => randomUUID());
    await Promise.all([
      ...subjects.map((each) => opened(replicas.one, oneOf(1, { subject: each }))),
      ...subjects.toReversed().map((each) => opened(replicas.two, oneOf(1, { subject: each }))),
    ]);
    for (const each of subjects) expect(await living(each)).toHaveLength(1);
    expect(await closed()).toHaveLength(50);
  });

  it('an opening that could not see another, as it was not committed yet, makes up for it', async () => {
    const [unseen, row] = [oneOf(1), oneOf(1)];
    await replicas.meanwhile(
      `WITH crowd AS (INSERT INTO crowds (client_id, subject, protocol, last_at) VALUES ($1, $3, 'custom-token', now()))
       INSERT INTO sessions (client_id, session_id, subject, epoch, client_epoch, protocol, scopes, mac_key, created_at, auth_time, expires_at)
       VALUES ($1, $2, $3, 0, 0, 'custom-token', '[]', 'k1', now(), now(), now() + interval '1 h')`,
      [clientId, unseen.sessionId, subject],
      () => opened(replicas.two, row),
    );
    expect(await living()).toEqual([row.sessionId]);
    expect(await closed()).toEqual([[unseen.sessionId, 'crowded_out']]);
  });

  it('openings have the order in which they were committed, also where the clock was set back', async () => {
    const first = await open(2);
    await replicas.sql(
      `WITH ahead AS (UPDATE crowds SET last_at = last_at + interval '1 h' WHERE client_id = $1 RETURNING last_at)
       UPDATE sessions SET created_at = last_at FROM ahead WHERE client_id = $1`,
      [clientId],
    );
    const [second, third] = [await open(2), await open(2)];
    expect(await living()).toEqual(ids([third, second]));
    expect(await closed()).toEqual([[first.sessionId, 'crowded_out']]);
  });
});

it('forgets crowds that nobody joined for a day', async () => {
  const other = randomUUID();
  await Promise.all([open(2), open(2, { subject: other })]);
  await replicas.sql(`UPDATE crowds SET last_at = last_at - interval '25 h' WHERE subject = $1`, [other]);
  expect(await replicas.one.forgetCrowds(500)).toBe(1);
  expect(await replicas.sql('SELECT subject FROM crowds WHERE client_id = $1', [clientId])).toEqual([{ subject }]);
  // And begin anew.
  for (let count = 0; count < 2; count += 1) await open(2, { subject: other });
  expect(await living(other)).toHaveLength(2);
});
