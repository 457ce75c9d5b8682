import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chain, newClient, opened, opening, type Replicas, refreshing, twoReplicas } from './testing.js';

let replicas: Replicas;
beforeAll(async () => {
  replicas = await twoReplicas();
});
afterAll(() => replicas.end());

const closing = (clientId: string) => ({ clientId, reason: 'signed_out' as const, traceparent: null });

it('has the tables its entities describe', async () => {
  const { upQueries } = await replicas.dataSource.driver.createSchemaBuilder().log();
  expect(upQueries.map(({ query }) => query)).toEqual([]);
});

describe('reading', () => {
  it('finds live sessions, many at once, the same one as often as asked', async () => {
    const clientId = newClient();
    const rows = Array.from({ length: 40 }, () => chain({ clientId }));
    await Promise.all(rows.map((row) => opened(replicas.one, row)));
    const names = [...rows, ...rows, chain({ clientId })];
    const found = await Promise.all(names.map((name) => replicas.two.find(name)));
    expect(found.map((session) => session?.sessionId)).toEqual(
      [...rows, ...rows].map(({ sessionId }) => sessionId).concat(undefined as never),
    );
  });

  it('does not find what is closed, expired, or of another client', async () => {
    const clientId = newClient();
    const [closed, expired, live] = [chain({ clientId }), chain({ clientId }), chain({ clientId })];
    await Promise.all([closed, expired, live].map((row) => opened(replicas.one, row)));
    await replicas.one.closeOne(closing(clientId), closed.sessionId, null);
    await replicas.sql('UPDATE sessions SET expires_at = now() WHERE session_id = $1', [expired.sessionId]);
    expect(await replicas.one.find(closed)).toBeNull();
    expect(await replicas.one.find(expired)).toBeNull();
    expect(await replicas.one.find({ ...live, clientId: newClient() })).toBeNull();
    expect(await replicas.one.find(live)).not.toBeNull();
  });
});

describe('reading by a link of the chain', () => {
  const found = async (name: { clientId: string; sessionId: string }, generation: number) =>
    (await replicas.two.find({ clientId: name.clientId, sessionId: name.sessionId, generation }))?.sessionId;

  it('finds the session by its newest link alone, and spends nothing', async () => {
    const row = chain({ clientId: newClient() });
    await opened(replicas.one, row);
    expect(await Promise.all([0, 1].map((link) => found(row, link)))).toEqual([row.sessionId, undefined]);
    await replicas.one.refresh(refreshing(row, 0));
    expect(await Promise.all([0, 1, 2].map((link) => found(row, link)))).toEqual([undefined, row.sessionId, undefined]);
    expect((await replicas.one.refresh(refreshing(row, 1)))?.verdict).toBe('rotated');
  });

  it('finds none that ended, also among others asked for otherwise', async () => {
    const clientId = newClient();
    const [ended, live] = [chain({ clientId }), chain({ clientId })];
    await Promise.all([ended, live].map((row) => opened(replicas.one, row)));
    await replicas.one.closeOne(closing(clientId), ended.sessionId, null);
    const { sessionId } = live;
    const all = [found(ended, 0), found(live, 0), found(live, 7), replicas.two.find(live).then((at) => at?.sessionId)];
    expect(await Promise.all(all)).toEqual([undefined, sessionId, undefined, sessionId]);
  });
});

describe('closing', () => {
  it('ends a session once, with one fact, also when 50 ask at once', async () => {
    const row = opening({ clientId: newClient() });
    await opened(replicas.one, row);
    const counts = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        replicas[index % 2 ? 'one' : 'two'].closeOne(closing(row.clientId), row.sessionId, null),
      ),
    );
    expect(counts.reduce((sum, count) => sum + count)).toBe(1);
    expect((await replicas.facts(row.clientId, 'session.closed')).map(({ subject, body }) => [subject, body])).toEqual([
      [
        `session/${row.sessionId}`,
        { sessionId: row.sessionId, userId: row.subject, protocol: 'api-link', reason: 'signed_out' },
      ],
    ]);
  });

  it('ends a session only for the subject it is said to be of, and only of the client', async () => {
    const row = chain({ clientId: newClient() });
    await opened(replicas.one, row);
    expect(await replicas.one.closeOne(closing(row.clientId), row.sessionId, randomUUID())).toBe(0);
    expect(await replicas.one.closeOne(closing(newClient()), row.sessionId, null)).toBe(0);
    expect(await replicas.one.closeAll(closing(newClient()), row.subject)).toBe(0);
    expect(await replicas.one.find(row)).not.toBeNull();
    expect(await replicas.one.closeOne(closing(row.clientId), row.sessionId, row.subject)).toBe(1);
  });

  it('ends all live sessions of a subject and nobody else’s', async () => {
    const clientId = newClient();
    const subject = randomUUID();
    const theirs = Array.from({ length: 5 }, () => chain({ clientId, subject }));
    const other = chain({ clientId });
    await Promise.all([...theirs, other].map((row) => opened(replicas.one, row)));
    await replicas.sql('UPDATE sessions SET expires_at = now() WHERE session_id = $1', [theirs[0]?.sessionId]);
    expect(await replicas.one.closeAll(closing(clientId), subject)).toBe(4);
    expect(await replicas.one.closeAll(closing(clientId), subject)).toBe(0);
    expect(await replicas.facts(clientId, 'session.closed')).toHaveLength(4);
    expect(await replicas.one.find(other)).not.toBeNull();
  });

  it('and refreshing the same sessions at once leaves none of them alive', async () => {
    const clientId = newClient();
    const subject = randomUUID();
    const rows = Array.from({ length: 60 }, () => chain({ clientId, subject }));
    await Promise.all(rows.map((row) => opened(replicas.one, row)));
    await Promise.all([
      ...rows.map((row) => replicas.one.refresh(refreshing(row, 0))),
      replicas.two.closeAll(closing(clientId), subject),
      ...rows.toReversed().map((row) => replicas.two.refresh(refreshing(row, 0))),
    ]);
    expect(await replicas.one.list(clientId, subject)).toEqual([]);
    const late = await Promise.all(
      rows.flatMap((row) => [0, 1].map((link) => replicas.one.refresh(refreshing(row, link)))),
    );
    expect(new Set(late.map((judged) => judged?.verdict))).toEqual(new Set(['ended']));
  });
});

it('lists the live sessions of a subject, newest first', async () => {
  const clientId = newClient();
  const subject = randomUUID();
  const rows = [chain({ clientId, subject }), chain({ clientId, subject }), chain({ clientId, subject })];
  for (const row of [...rows, chain({ clientId })]) await opened(replicas.one, row);
  const [first, second, third] = rows.map(({ sessionId }) => sessionId);
  await replicas.one.closeOne(closing(clientId), second as string, null);
  const listed = await replicas.one.list(clientId, subject);
  expect(listed.map(({ sessionId }) => sessionId)).toEqual([third, first]);
});

describe('forgetting', () => {
  const shift = (sessionId: string, column: string, interval: string) =>
    replicas.sql(`UPDATE sessions SET ${column} = now() - interval '${interval}' WHERE session_id = $1`, [sessionId]);

  it('deletes what ended more than seven days ago, but no origin before its time', async () => {
    const clientId = newClient();
    const origins = { origin: `link:${randomUUID()}`, originUntil: Math.floor(Date.now() / 1000) + 600 };
    const rows = {
      live: chain({ clientId }),
      endedYesterday: chain({ clientId }),
      closedLongAgo: chain({ clientId }),
      expiredLongAgo: chain({ clientId }),
      fenced: opening({ clientId, ...origins }),
      unfenced: opening({ clientId }),
    };
    await Promise.all(Object.values(rows).map((row) => opened(replicas.one, row)));
    await shift(rows.endedYesterday.sessionId, 'expires_at', '1 day');
    await shift(rows.closedLongAgo.sessionId, 'closed_at', '8 days');
    await shift(rows.expiredLongAgo.sessionId, 'expires_at', '8 days');
    await shift(rows.fenced.sessionId, 'expires_at', '8 days');
    await shift(rows.unfenced.sessionId, 'closed_at', '8 days');
    await shift(rows.unfenced.sessionId, 'origin_until', '8 days');

    const forgotten = await Promise.all([replicas.one.forget(2), replicas.two.forget(2), replicas.one.forget(2)]);
    expect(forgotten.reduce((sum, count) => sum + count)).toBe(3);
    const left = await replicas.sql<{ session_id: string }>('SELECT session_id FROM sessions WHERE client_id = $1', [
      clientId,
    ]);
    expect(new Set(left.map(({ session_id }) => session_id))).toEqual(
      new Set([rows.live, rows.endedYesterday, rows.fenced].map(({ sessionId }) => sessionId)),
    );
    expect((await replicas.one.open(opening({ clientId, origin: origins.origin }))).outcome).toBe('spent');
  });
});
