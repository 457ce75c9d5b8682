import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Opening } from './opening.js';
import { chain, child, newClient, opened, opening, type Replicas, refreshing, twoReplicas } from './testing.js';

let replicas: Replicas;
beforeAll(async () => {
  replicas = await twoReplicas();
});
afterAll(() => replicas.end());

const closing = (clientId: string) => ({ clientId, reason: 'signed_out' as const, traceparent: null });

async function openParent(given: Partial<Opening> = {}): Promise<Opening> {
  const row = opening({ clientId: newClient(), scopes: ['users.read', 'users.write'], ...given });
  await opened(replicas.one, row);
  return row;
}

/** Each hangs on the one before. */
async function openLine(length: number, parent: Opening): Promise<Opening[]> {
  const line = [parent];
  for (let count = 0; count < length; count += 1) {
    const row = child(line.at(-1) as Opening, { scopes: [] });
    await opened(replicas.one, row);
    line.push(row);
  }
  return line;
}

const living = async (rows: readonly Opening[]) =>
  (await Promise.all(rows.map((row) => replicas.two.find(row)))).filter((session) => session !== null).length;

describe('a child', () => {
  it('ends no later than its parent and may do no more', async () => {
    const parent = await openParent({ lifetimeSeconds: 300 });
    const parentEnd = (await replicas.one.find(parent))?.expiresAt;
    const asking = { scopes: ['users.write', 'sessions.write', 'users.read'] };
    const [longer, shorter] = [child(parent, asking), child(parent, { ...asking, lifetimeSeconds: 60 })];
    const { session } = await opened(replicas.two, longer);
    expect(session.expiresAt).toEqual(parentEnd);
    expect(session.scopes).toEqual(['users.write', 'users.read']);
    const short = (await opened(replicas.two, shorter)).session;
    expect(short.expiresAt.getTime() - short.createdAt.getTime()).toBe(60_000);
  });

  it('was asked who its user is when its topmost session began, however far below that it hangs', async () => {
    const parent = await openParent();
    const root = await replicas.one.find(parent);
    expect(root?.authenticatedAt).toEqual(root?.createdAt);
    const [, ...below] = await openLine(2, parent);
    for (const row of below) {
      const session = await replicas.two.find(row);
      expect(session?.authenticatedAt).toEqual(root?.authenticatedAt);
      expect(session?.createdAt.getTime()).toBeGreaterThanOrEqual(root?.createdAt.getTime() ?? Number.NaN);
    }

    await replicas.sql(`UPDATE sessions SET auth_time = auth_time - interval '1 h' WHERE session_id = $1`, [
      parent.sessionId,
    ]);
    const { session } = await opened(replicas.two, child(parent));
    expect(session.authenticatedAt.getTime()).toBe((root?.authenticatedAt.getTime() ?? Number.NaN) - 3_600_000);
    const group = await Promise.all(Array.from({ length: 5 }, () => opened(replicas.one, child(parent))));
    expect(new Set(group.map((each) => each.session.authenticatedAt.getTime()))).toEqual(
      new Set([session.authenticatedAt.getTime()]),
    );
  });

  it('whose clock is behind its parent’s is no younger for it', async () => {
    const parent = await openParent();
    const ahead = `UPDATE sessions SET auth_time = now() + interval '1 h' WHERE session_id = $1`;
    await replicas.sql(ahead, [parent.sessionId]);
    const { session } = await opened(replicas.two, child(parent));
    expect(session.authenticatedAt).toEqual(session.createdAt);
  });

  it('is as old as its parent where it comes to epochs', async () => {
    const parent = await openParent({ epoch: 3, clientEpoch: 1 });
    const row = child(parent, { epoch: 4, clientEpoch: 2 });
    await opened(replicas.one, row);
    const { clientId, subject } = parent;
    await replicas.epochs.raise([{ clientId, subject, least: 4 }]);
    expect(await replicas.one.find(row)).toBeNull();
  });

  it('of many parents in one group gets each its own', async () => {
    const parents = await Promise.all(
      Array.from({ length: 60 }, (_, index) => openParent({ lifetimeSeconds: 60 + index })),
    );
    const rows = parents.map((parent) => child(parent));
    const answers = await Promise.all([
      ...rows.slice(0, 30).map((row) => opened(replicas.one, row)),
      ...rows.slice(30).map((row) => opened(replicas.two, row)),
    ]);
    const lifetimes = answers.map(({ session }) => session.expiresAt.getTime() - session.createdAt.getTime());
    lifetimes.forEach((lifetime, index) => {
      expect(lifetime).toBeLessThanOrEqual((60 + index) * 1000);
      expect(lifetime).toBeGreaterThan((60 + index) * 1000 - 10_000);
    });
  });

  it.each<[string, (parent: Opening) => Promise<unknown> | Partial<Opening>]>([
    ['is closed', ({ clientId, sessionId }) => replicas.one.closeOne(closing(clientId), sessionId, null)],
    [
      'has expired',
      ({ sessionId }) => replicas.sql('UPDATE sessions SET expires_at = now() WHERE session_id = $1', [sessionId]),
    ],
    ['is of another subject', () => ({ subject: randomUUID() })],
    ['is of another client', () => ({ clientId: newClient() })],
    ['is not there', () => ({ parentId: randomUUID() })],
  ])('does not begin when its parent %s', async (_, change) => {
    const parent = await openParent();
    const changed = (await change(parent)) as Partial<Opening>;
    const row = child(parent, Array.isArray(changed) || typeof changed !== 'object' ? {} : changed);
    expect(await replicas.one.open(row)).toEqual({ outcome: 'orphaned' });
    expect(await replicas.sql('SELECT 1 FROM sessions WHERE session_id = $1', [row.sessionId])).toEqual([]);
  });

  it('does not begin when the epoch of its parent is over', async () => {
    const parent = await openParent({ epoch: 1 });
    const { clientId, subject } = parent;
    await replicas.epochs.raise([{ clientId, subject, least: 2 }]);
    expect(await replicas.one.open(child(parent, { epoch: 2 }))).toEqual({ outcome: 'orphaned' });
    expect(await replicas.one.open(child(parent, { epoch: 1 }))).toEqual({ outcome: 'stale' });
  });

  it('asked for again after a lost answer is the same; under another parent it is not', async () => {
    const parent = await openParent();
    const other = await openParent({ clientId: parent.clientId, subject: parent.subject });
    const row = child(parent);
    const first = await opened(replicas.one, row);
    expect(await replicas.two.open(row)).toEqual(first);
    expect(await replicas.two.open({ ...row, parentId: other.sessionId })).toEqual({ outcome: 'spent' });
  });

  it('begins once for one origin, and 50 tries at two replicas are one child', async () => {
    const parent = await openParent();
    const fence = { origin: `ott:${randomUUID()}`, originUntil: Math.floor(Date.now() / 1000) + 600 };
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => replicas[index % 2 ? 'one' : 'two'].open(child(parent, fence))),
    );
    expect(answers.filter(({ outcome }) => outcome === 'opened')).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === 'spent')).toHaveLength(49);
  });
});

describe('closing a parent', () => {
  it('ends all that hangs on it, level by level, each with its fact, and nothing else', async () => {
    const parent = await openParent();
    const line = await openLine(3, parent);
    const branch = await openLine(1, line[1] as Opening);
    const neighbour = await openParent({ clientId: parent.clientId, subject: parent.subject });
    const all = [...line, ...branch.slice(1)];
    expect(await replicas.one.closeOne(closing(parent.clientId), parent.sessionId, null)).toBe(5);
    expect(await living(all)).toBe(0);
    expect(await living([neighbour])).toBe(1);
    const facts = await replicas.facts(parent.clientId, 'session.closed');
    expect(facts.map(({ body }) => body['sessionId'])[0]).toBe(parent.sessionId);
    expect(new Set(facts.map(({ body }) => body['sessionId']))).toEqual(new Set(all.map(({ sessionId }) => sessionId)));
    expect(new Set(facts.map(({ body }) => body['reason']))).toEqual(new Set(['signed_out']));
    expect(facts).toHaveLength(5);
  });

  it('by closing a child ends what is below it alone', async () => {
    const [parent, middle, leaf] = await openLine(2, await openParent());
    expect(await replicas.one.closeOne(closing(parent?.clientId ?? ''), middle?.sessionId ?? '', null)).toBe(2);
    expect(await living([middle, leaf] as Opening[])).toBe(0);
    expect(await living([parent] as Opening[])).toBe(1);
  });

  it('by a superseded refresh token ends what hangs on the chain', async () => {
    const parent = chain({ clientId: newClient() });
    await opened(replicas.one, parent);
    const [, ...below] = await openLine(2, parent);
    for (const generation of [0, 1]) await replicas.one.refresh(refreshing(parent, generation));
    expect((await replicas.two.refresh(refreshing(parent, 0)))?.verdict).toBe('reused');
    expect(await living([parent, ...below])).toBe(0);
    expect((await replicas.facts(parent.clientId, 'session.closed')).map(({ body }) => body['reason'])).toEqual(
      Array.from({ length: 3 }, () => 'reuse_detected'),
    );
  });
});

/** A child is opened while its parent ends; both ways round, at two replicas. */
describe('a child that begins while its parent ends', () => {
  const ends: [string, (parent: Opening) => Promise<unknown>][] = [
    ['is closed', ({ clientId, sessionId }) => replicas.two.closeOne(closing(clientId), sessionId, null)],
    ['is closed with all of its subject', ({ clientId, subject }) => replicas.two.closeAll(closing(clientId), subject)],
    ['is found reused', (parent) => replicas.two.refresh(refreshing(parent, 0))],
    ['is replaced', ({ clientId, sessionId }) => replicas.two.open(opening({ clientId, presented: sessionId }))],
    ['is crowded out', ({ clientId, subject }) => replicas.two.open(chain({ clientId, subject, mostPerSubject: 1 }))],
  ];

  it.each(ends)('never outlives it: it %s', async (_, end) => {
    let lived = 0;
    const pairs = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const parent = chain({ clientId: newClient() });
        await opened(replicas.one, parent);
        for (const generation of [0, 1]) await replicas.one.refresh(refreshing(parent, generation));
        const middle = child(parent);
        await opened(replicas.one, middle);
        return { parent, children: [child(parent), child(middle)] };
      }),
    );
    await Promise.all(
      pairs.map(async ({ parent, children }, index) => {
        const open = () => Promise.all(children.map((row) => replicas.one.open(row)));
        // Every second pair gives the close a head start of a turn or two.
        const [answers] =
          index % 2
            ? await Promise.all([open(), end(parent)])
            : (await Promise.all([end(parent), open()])).toReversed();
        lived += (answers as { outcome: string }[]).filter(({ outcome }) => outcome === 'opened').length;
        expect(await living([parent, ...children])).toBe(0);
      }),
    );
    const open = await replicas.sql<{ count: number }>(
      `SELECT count(*)::int AS count FROM sessions child JOIN sessions parent
         ON parent.client_id = child.client_id AND parent.session_id = child.parent_id
       WHERE parent.closed_at IS NOT NULL AND child.closed_at IS NULL`,
    );
    expect(open).toEqual([{ count: 0 }]);
    // Else nothing raced.
    expect(lived).toBeGreaterThan(0);
    expect(lived).toBeLessThanOrEqual(100);
  });

  it('waits for a close under way and then finds no parent', async () => {
    const parent = await openParent();
    const late = await replicas.meanwhile(
      'UPDATE sessions SET closed_at = now() WHERE session_id = $1',
      [parent.sessionId],
      () => replicas.two.open(child(parent)),
    );
    expect(late).toEqual({ outcome: 'orphaned' });
  });

  it('is seen by a close that had to wait for it', async () => {
    const parent = await openParent();
    const row = child(parent);
    // What an opening does: hold the parent, insert the child.
    const closed = await replicas.meanwhile(
      `WITH parent AS MATERIALIZED (SELECT * FROM sessions WHERE session_id = $1 FOR SHARE)
       INSERT INTO sessions (client_id, session_id, parent_id, subject, epoch, client_epoch, protocol, scopes, mac_key, created_at, auth_time, expires_at)
       SELECT client_id, $2, session_id, subject, epoch, client_epoch, protocol, scopes, mac_key, now(), auth_time, expires_at FROM parent`,
      [parent.sessionId, row.sessionId],
      () => replicas.two.closeOne(closing(parent.clientId), parent.sessionId, null),
    );
    expect(closed).toBe(2);
    expect(await living([row])).toBe(0);
  });
});
