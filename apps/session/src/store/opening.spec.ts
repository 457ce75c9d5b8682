import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chain, newClient, opened, opening, type Replicas, twoReplicas } from './testing.js';

let replicas: Replicas;
beforeAll(async () => {
  replicas = await twoReplicas();
});
afterAll(() => replicas.end());

const outcomes = (answers: { outcome: string }[]) => {
  const counts: Record<string, number> = {};
  for (const { outcome } of answers) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
};

describe('opening', () => {
  it('makes a session that lives its lifetime by the database clock, and states it', async () => {
    const clientId = newClient();
    const row = opening({ clientId, scopes: ['users.read'], lifetimeSeconds: 900 });
    const { session, macKey } = await opened(replicas.one, row);

    expect(session).toMatchObject({ clientId, sessionId: row.sessionId, subject: row.subject, scopes: ['users.read'] });
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(900_000);
    expect(macKey).toBe('k1');
    expect(await replicas.facts(clientId)).toEqual([
      {
        type: 'session.opened',
        subject: `session/${row.sessionId}`,
        traceparent: row.traceparent,
        body: {
          sessionId: row.sessionId,
          userId: row.subject,
          protocol: 'api-link',
          expiresAt: session.expiresAt.toISOString(),
        },
      },
      {
        type: 'link.accepted',
        subject: `link/${row.support}`,
        traceparent: row.traceparent,
        body: {
          support: row.support,
          userId: row.subject,
          sessionId: row.sessionId,
          secretId: 'abcdefghijkl',
          callback: 'none',
          address: row.address,
        },
      },
    ]);
  });

  it('states no link where there was none', async () => {
    const clientId = newClient();
    await opened(replicas.one, chain({ clientId }));
    expect((await replicas.facts(clientId)).map(({ type }) => type)).toEqual(['session.opened']);
  });

  it('answers each row of a group with its own session', async () => {
    const clientId = newClient();
    const rows = Array.from({ length: 120 }, () => opening({ clientId }));
    const answers = await Promise.all(rows.map((row) => opened(replicas.one, row)));
    expect(answers.map(({ session }) => session.sessionId)).toEqual(rows.map(({ sessionId }) => sessionId));
    expect(answers.map(({ session }) => session.subject)).toEqual(rows.map(({ subject }) => subject));
  });
});

describe('the fence', () => {
  it('lets 50 browsers at two replicas open one session with one link', async () => {
    const clientId = newClient();
    const origin = `link:${randomUUID()}`;
    const subject = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        replicas[index % 2 ? 'one' : 'two'].open(opening({ clientId, origin, subject })),
      ),
    );
    expect(outcomes(answers)).toEqual({ opened: 1, spent: 49 });
    expect(await replicas.sql('SELECT 1 FROM sessions WHERE client_id = $1', [clientId])).toHaveLength(1);
    expect(await replicas.facts(clientId, 'link.accepted')).toHaveLength(1);
  });

  it('holds for a link that comes twice in one turn, beside others', async () => {
    const clientId = newClient();
    const [first, ...others] = [opening({ clientId }), opening({ clientId }), opening({ clientId })];
    const twice = opening({ clientId, origin: first!.origin });
    const answers = await Promise.all([first!, twice, ...others].map((row) => replicas.one.open(row)));
    expect(answers.map(({ outcome }) => outcome)).toEqual(['opened', 'spent', 'opened', 'opened']);
    expect(await replicas.facts(clientId, 'link.accepted')).toHaveLength(3);
  });

  it('holds for many links at once, presented to two replicas in opposite orders', async () => {
    const clientId = newClient();
    const origins = Array.from({ length: 60 }, () => `link:${randomUUID()}`);
    const [one, two] = await Promise.all([
      Promise.all(origins.map((origin) => replicas.one.open(opening({ clientId, origin })))),
      Promise.all(origins.toReversed().map((origin) => replicas.two.open(opening({ clientId, origin })))),
    ]);
    expect(outcomes([...one, ...two])).toEqual({ opened: 60, spent: 60 });
    expect(await replicas.sql('SELECT 1 FROM sessions WHERE client_id = $1', [clientId])).toHaveLength(60);
  });

  it('is of one client only', async () => {
    const origin = `link:${randomUUID()}`;
    const answers = await Promise.all(
      [newClient(), newClient()].map((clientId) => replicas.one.open(opening({ clientId, origin }))),
    );
    expect(outcomes(answers)).toEqual({ opened: 2 });
  });

  it('is absent without an origin', async () => {
    const clientId = newClient();
    const answers = await Promise.all(
      [1, 2].map(() => replicas.one.open(opening({ clientId, origin: null, originUntil: null }))),
    );
    expect(outcomes(answers)).toEqual({ opened: 2 });
  });

  it.each(['closed', 'expired'])('holds after the session is %s', async (end) => {
    const clientId = newClient();
    const first = opening({ clientId });
    await opened(replicas.one, first);
    if (end === 'closed')
      await replicas.one.closeOne({ clientId, reason: 'signed_out', traceparent: null }, first.sessionId, null);
    else await replicas.sql(`UPDATE sessions SET expires_at = now() WHERE client_id = $1`, [clientId]);
    const again = await replicas.one.open(opening({ clientId, origin: first.origin, presented: first.sessionId }));
    expect(again.outcome).toBe('spent');
  });
});

describe('a repeat', () => {
  it('is what the browser of the very session gets, and nothing is stated', async () => {
    const clientId = newClient();
    const first = opening({ clientId });
    const { session } = await opened(replicas.one, first);
    const before = (await replicas.facts(clientId)).length;
    const again = await replicas.two.open(opening({ clientId, origin: first.origin, presented: first.sessionId }));
    expect(again).toEqual({ outcome: 'repeat', session, macKey: 'k1', crowded: false });
    expect(await replicas.facts(clientId)).toHaveLength(before);
  });

  it('is not what a browser with another session gets', async () => {
    const clientId = newClient();
    const [first, second] = [opening({ clientId }), opening({ clientId })];
    await Promise.all([opened(replicas.one, first), opened(replicas.one, second)]);
    const again = opening({ clientId, origin: first.origin, presented: second.sessionId });
    expect((await replicas.one.open(again)).outcome).toBe('spent');
  });
});

describe('an open repeated after a lost answer', () => {
  it('meets its own id and answers as opened, once, however often and wherever it comes', async () => {
    const clientId = newClient();
    const row = opening({ clientId });
    const first = await opened(replicas.one, row);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => replicas[index % 2 ? 'one' : 'two'].open(row)),
    );
    for (const answer of answers) expect(answer).toEqual(first);
    expect((await replicas.facts(clientId)).map(({ type }) => type)).toEqual(['session.opened', 'link.accepted']);
  });

  it('works without an origin too', async () => {
    const row = chain({ clientId: newClient() });
    expect(await opened(replicas.one, row)).toEqual(await opened(replicas.two, row));
  });

  it.each([
    ['another subject', { subject: randomUUID() }],
    ['another origin', { origin: `link:${randomUUID()}` }],
  ])('is refused when it names %s', async (_, changed) => {
    const row = opening({ clientId: newClient() });
    await opened(replicas.one, row);
    expect(await replicas.one.open({ ...row, ...changed })).toEqual({ outcome: 'spent' });
  });

  it('is refused when the session has ended meanwhile', async () => {
    const row = opening({ clientId: newClient() });
    await opened(replicas.one, row);
    await replicas.one.closeOne({ clientId: row.clientId, reason: 'admin', traceparent: null }, row.sessionId, null);
    expect(await replicas.one.open(row)).toEqual({ outcome: 'spent' });
  });
});

describe('an epoch', () => {
  const raise = (clientId: string, subject: string | null, least: number) =>
    replicas.epochs.raise([{ clientId, subject, least }]);

  it('refuses an answer that is already stale, and opens nothing', async () => {
    const clientId = newClient();
    const row = opening({ clientId, epoch: 1 });
    await raise(clientId, row.subject, 2);
    expect(await replicas.one.open(row)).toEqual({ outcome: 'stale' });
    expect(await replicas.sql('SELECT 1 FROM sessions WHERE client_id = $1', [clientId])).toEqual([]);
    expect(await replicas.facts(clientId)).toEqual([]);
    expect((await replicas.one.open({ ...row, epoch: 2 })).outcome).toBe('opened');
  });

  it('ends what was opened before, for its subject alone', async () => {
    const clientId = newClient();
    const [row, neighbour] = [opening({ clientId }), opening({ clientId })];
    await Promise.all([opened(replicas.one, row), opened(replicas.one, neighbour)]);
    await raise(clientId, row.subject, 1);

    expect(await replicas.one.find(row)).toBeNull();
    expect(await replicas.one.find(neighbour)).not.toBeNull();
    expect(await replicas.one.list(clientId, row.subject)).toEqual([]);
    expect(await replicas.one.open(row)).toEqual({ outcome: 'stale' });
    expect(
      await replicas.one.open(opening({ clientId, epoch: 1, origin: row.origin, presented: row.sessionId })),
    ).toEqual({
      outcome: 'spent',
    });
  });
});

describe('the epoch of a client', () => {
  const suspend = (clientId: string, least: number) => replicas.epochs.raise([{ clientId, subject: null, least }]);

  it('refuses an answer from before it, unless nobody looked', async () => {
    const clientId = newClient();
    await suspend(clientId, 2);
    const row = opening({ clientId, clientEpoch: 1 });
    expect(await replicas.one.open(row)).toEqual({ outcome: 'stale' });
    expect((await replicas.one.open({ ...row, clientEpoch: 2 })).outcome).toBe('opened');
    expect((await replicas.one.open(opening({ clientId }))).outcome).toBe('opened');
  });

  it('ends every session of the client from before it, and no other client’s', async () => {
    const clientId = newClient();
    const rows = [opening({ clientId, clientEpoch: 0 }), chain({ clientId })];
    const neighbour = opening({ clientId: newClient() });
    await Promise.all([...rows, neighbour].map((row) => opened(replicas.one, row)));
    await suspend(clientId, 1);
    expect(await Promise.all(rows.map((row) => replicas.one.find(row)))).toEqual([null, null]);
    expect(await replicas.one.find(neighbour)).not.toBeNull();
  });
});

describe('a row that cannot be written', () => {
  it('fails alone', async () => {
    const clientId = newClient();
    const rows = Array.from({ length: 20 }, () => opening({ clientId }));
    const bad = opening({ clientId, originUntil: null });
    const settled = await Promise.allSettled(
      [...rows.slice(0, 7), bad, ...rows.slice(7)].map((row) => replicas.one.open(row)),
    );
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    expect(settled[7]).toMatchObject({ status: 'rejected', reason: { code: '23514' } });
    expect(await replicas.facts(clientId, 'session.opened')).toHaveLength(20);
  });
});
