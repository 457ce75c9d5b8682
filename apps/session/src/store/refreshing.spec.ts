import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sha256 } from '#secrets/digest';
import type { Verdict } from '../domain/session.js';
import type { Opening } from './opening.js';
import type { Refreshing } from './refreshing.js';
import { chain, newClient, opened, type Replicas, refreshing, twoReplicas } from './testing.js';

let replicas: Replicas;
beforeAll(async () => {
  replicas = await twoReplicas();
});
afterAll(() => replicas.end());

async function openChain(given: Partial<Opening> = {}): Promise<Opening> {
  const row = chain({ clientId: newClient(), ...given });
  await opened(replicas.one, row);
  return row;
}

const verdictOf = async (
  row: Opening,
  generation: number,
  replica: 'one' | 'two' = 'one',
  asker: Partial<Refreshing> = {},
) => (await replicas[replica].refresh(refreshing(row, generation, 'k1', asker)))?.verdict;

const [ann, eve] = [sha256('ann@example.com'), sha256('eve@example.com')];
const byAnn: Partial<Refreshing> = { app: ann };
const byEve: Partial<Refreshing> = { app: eve };
const elsewhere: Partial<Refreshing> = { protocols: ['one-time'] };

/** All that a refresh could change. */
const stored = async ({ sessionId }: Opening) => {
  const [row] = await replicas.sql<Record<string, unknown>>(
    'SELECT generation, mac_key, rotated_at, closed_at, close_reason FROM sessions WHERE session_id = $1',
    [sessionId],
  );
  return row;
};

/** As if the last rotation were so much longer ago. */
const age = ({ sessionId }: Opening, seconds: number) =>
  replicas.sql(`UPDATE sessions SET rotated_at = rotated_at - make_interval(secs => $2) WHERE session_id = $1`, [
    sessionId,
    seconds,
  ]);

const types = async ({ clientId }: Opening) => (await replicas.facts(clientId)).slice(1).map(({ type }) => type);

describe('the newest token', () => {
  it('rotates, with one fact, and the end of the session stays', async () => {
    const row = await openChain();
    const judged = await replicas.one.refresh(refreshing(row, 0, 'k2'));
    expect(judged).toMatchObject({
      verdict: 'rotated',
      generation: 1,
      macKey: 'k2',
      session: { sessionId: row.sessionId },
    });
    const again = await replicas.two.refresh(refreshing(row, 1));
    expect(again).toMatchObject({ verdict: 'rotated', generation: 2 });
    expect(again?.session).toEqual(judged?.session);
    expect((await replicas.facts(row.clientId, 'session.refreshed')).map(({ body }) => body)).toEqual(
      [1, 2].map((generation) => ({
        sessionId: row.sessionId,
        userId: row.subject,
        protocol: 'client-auth',
        generation,
      })),
    );
  });

  it('presented 50 times at once at two replicas has one successor and one rotation', async () => {
    const row = await openChain();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        replicas[index % 2 ? 'one' : 'two'].refresh(refreshing(row, 0, index % 2 ? 'k1' : 'k2')),
      ),
    );
    expect(answers.filter((answer) => answer?.verdict === 'rotated')).toHaveLength(1);
    expect(answers.filter((answer) => answer?.verdict === 'repeated')).toHaveLength(49);
    // The same generation made with the same key is the same token.
    expect(new Set(answers.map((answer) => `${answer?.generation} ${answer?.macKey}`)).size).toBe(1);
    expect(await types(row)).toEqual(['session.refreshed']);
  });

  it('that had to wait for a rival is judged on the row as the rival left it', async () => {
    const row = await openChain();
    const rival = replicas.dataSource.createQueryRunner();
    await rival.startTransaction();
    await rival.query('UPDATE sessions SET generation = 5, rotated_at = now() WHERE session_id = $1', [row.sessionId]);
    const late = verdictOf(row, 4, 'two');
    const older = verdictOf(row, 0, 'one');
    await replicas.waitingFor(2);
    await rival.commitTransaction();
    await rival.release();
    // Whoever is first: 4 repeats unless 0 was seen before, 0 is always a superseded link.
    expect(['repeated', 'ended']).toContain(await late);
    expect(await older).toBe('reused');
  });

  it('of a session that is being closed is refused once it is closed', async () => {
    const row = await openChain();
    const rival = replicas.dataSource.createQueryRunner();
    await rival.startTransaction();
    await rival.query('UPDATE sessions SET closed_at = now() WHERE session_id = $1', [row.sessionId]);
    const late = verdictOf(row, 0, 'two');
    await replicas.waitingFor(1);
    await rival.commitTransaction();
    await rival.release();
    expect(await late).toBe('ended');
  });

  it('shares no answer that was on its way before it came: the session may have been closed since', async () => {
    const row = await openChain();
    const rival = replicas.dataSource.createQueryRunner();
    await rival.startTransaction();
    await rival.query('SELECT FROM sessions WHERE session_id = $1 FOR UPDATE', [row.sessionId]);
    const first = verdictOf(row, 0);
    await replicas.waitingFor(1);
    const closed = replicas.two.closeOne(
      { clientId: row.clientId, reason: 'admin', traceparent: null },
      row.sessionId,
      null,
    );
    await replicas.waitingFor(2);
    const second = verdictOf(row, 0);
    await rival.commitTransaction();
    await rival.release();
    // Which of the two waiters comes next is Postgres' choice; `rotated` would be the answer of the first, given away twice.
    expect([await first, await closed]).toEqual(['rotated', 1]);
    expect(['repeated', 'ended']).toContain(await second);
  });
});

describe('its predecessor', () => {
  it.each([
    ['at once', 0, 'repeated'],
    ['after 9 s', 9, 'repeated'],
    ['after 11 s', 11, 'reused'],
    ['after the clock was set back by an hour', -3600, 'reused'],
  ])('coming again %s is %s', async (_, seconds, verdict) => {
    const row = await openChain();
    await verdictOf(row, 0);
    await age(row, seconds);
    const answer = await replicas.two.refresh(refreshing(row, 0, 'k2'));
    expect(answer).toMatchObject({ verdict, generation: 1, macKey: 'k1' });
  });

  it('does not slide: repeating does not lengthen its time', async () => {
    const row = await openChain();
    await verdictOf(row, 0);
    for (const expected of ['repeated', 'reused']) {
      await age(row, 6);
      expect(await verdictOf(row, 0)).toBe(expected);
    }
  });

  it('ends the chain once its successor was used', async () => {
    const row = await openChain();
    await verdictOf(row, 0);
    await verdictOf(row, 1);
    expect(await verdictOf(row, 0)).toBe('reused');
    expect(await verdictOf(row, 2)).toBe('ended');
    expect(await replicas.one.find(row)).toBeNull();
    const facts = await replicas.facts(row.clientId, 'session.reuse_detected', 'session.closed');
    const names = { sessionId: row.sessionId, userId: row.subject, protocol: 'client-auth' };
    expect(facts.map(({ type, body }) => [type, body])).toEqual([
      ['session.reuse_detected', { ...names, generation: 0, address: 'fedcba9876543210' }],
      ['session.closed', { ...names, reason: 'reuse_detected' }],
    ]);
  });

  it('and the newest token, presented 25 times each at once, never break the chain', async () => {
    const row = await openChain();
    await verdictOf(row, 0);
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => ({
        presented: index % 2,
        judged: await replicas[index % 4 < 2 ? 'one' : 'two'].refresh(refreshing(row, index % 2)),
      })),
    );
    const granted = answers.filter(({ judged }) => judged?.verdict === 'rotated' || judged?.verdict === 'repeated');
    for (const { presented, judged } of granted) expect(judged?.generation).toBe(presented + 1);
    expect(answers.filter(({ judged }) => judged?.verdict === 'rotated').length).toBeLessThanOrEqual(1);
    // Unless every 0 came before the first 1, a 0 is a superseded link; that ends the chain, once.
    const reused = answers.some(({ judged }) => judged?.verdict === 'reused');
    expect(await replicas.facts(row.clientId, 'session.closed')).toHaveLength(reused ? 1 : 0);
  });
});

describe('any other token', () => {
  it('older than the predecessor ends the chain, whatever the clock says', async () => {
    const row = await openChain();
    for (const generation of [0, 1, 2]) await verdictOf(row, generation);
    expect(await verdictOf(row, 1)).toBe('reused');
    expect(await verdictOf(row, 1)).toBe('ended');
    expect(await replicas.facts(row.clientId, 'session.reuse_detected')).toHaveLength(1);
  });

  it('ahead of the row, as after a restored backup, is refused and ends nothing', async () => {
    const row = await openChain();
    expect(await verdictOf(row, 3)).toBe('ahead');
    expect(await types(row)).toEqual([]);
    expect(await verdictOf(row, 0)).toBe('rotated');
  });

  it('of an expired session is refused, the session is not closed twice', async () => {
    const row = await openChain();
    await replicas.sql('UPDATE sessions SET expires_at = now() WHERE session_id = $1', [row.sessionId]);
    expect(await verdictOf(row, 0)).toBe('ended');
    expect(await types(row)).toEqual([]);
  });

  it('of a subject whose epoch was raised is refused', async () => {
    const row = await openChain({ epoch: 4 });
    const raise = (least: number) => replicas.epochs.raise([{ clientId: row.clientId, subject: row.subject, least }]);
    await raise(4);
    expect(await verdictOf(row, 0)).toBe('rotated');
    await raise(5);
    expect(await verdictOf(row, 1)).toBe('ended');
  });

  it('names no session: nothing happens', async () => {
    const row = chain({ clientId: newClient() });
    expect(await replicas.one.refresh(refreshing(row, 0))).toBeNull();
    const real = await openChain();
    expect(await replicas.one.refresh(refreshing({ ...real, clientId: newClient() }, 0))).toBeNull();
    expect(await verdictOf(real, 0)).toBe('rotated');
  });
});

describe('who asks', () => {
  const named = { hash: ann, named: true };
  const unnamed = { hash: ann, named: false };

  it.each<[string, Opening['app'], Partial<Refreshing>, Verdict]>([
    ['its app', named, byAnn, 'rotated'],
    ['another app', named, byEve, 'other_app'],
    ['no app, where one was named', named, {}, 'other_app'],
    ['the app that its user is', unnamed, byAnn, 'rotated'],
    ['no app, where its user is the app', unnamed, {}, 'rotated'],
    ['another app, where its user is the app', unnamed, byEve, 'other_app'],
    ['an app, where none was given', null, byEve, 'rotated'],
    ['another door', null, elsewhere, 'other_protocol'],
    ['its app, at another door', named, { ...byAnn, ...elsewhere }, 'other_protocol'],
    ['one of several doors', named, { ...byAnn, protocols: ['one-time', 'client-auth'] }, 'rotated'],
  ])('%s', async (_, app, asker, verdict) => {
    const row = await openChain({ app });
    const before = await stored(row);
    expect(await verdictOf(row, 0, 'two', asker)).toBe(verdict);
    if (verdict !== 'rotated') {
      expect(await stored(row)).toEqual(before);
      expect(await types(row)).toEqual([]);
    }
    expect(await verdictOf(row, verdict === 'rotated' ? 1 : 0, 'one', byAnn)).toBe('rotated');
  });

  it.each<[string, Partial<Refreshing>, Verdict]>([
    ['another app', byEve, 'other_app'],
    ['another door', { ...byAnn, ...elsewhere }, 'other_protocol'],
  ])('%s leaves the chain alone, whichever link it presents', async (_, asker, verdict) => {
    const row = await openChain({ app: named });
    for (const generation of [0, 1, 2]) await verdictOf(row, generation, 'one', byAnn);
    const before = await stored(row);
    for (const generation of [0, 1, 2, 3, 4]) expect(await verdictOf(row, generation, 'two', asker)).toBe(verdict);
    expect(await stored(row)).toEqual(before);
    expect(await verdictOf(row, 2, 'one', byAnn)).toBe('repeated');
    expect(await verdictOf(row, 3, 'one', byAnn)).toBe('rotated');
  });

  it('learns nothing of a chain that has ended', async () => {
    const row = await openChain({ app: named });
    await replicas.one.closeAll({ clientId: row.clientId, reason: 'admin', traceparent: null }, row.subject);
    for (const asker of [byAnn, byEve, elsewhere]) expect(await verdictOf(row, 0, 'two', asker)).toBe('ended');
  });

  it('is 25 times the right app and 25 times another, at once: the chain moves once, by the right one', async () => {
    const row = await openChain({ app: named });
    const verdicts = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const right = index % 4 < 2;
        return [right, await verdictOf(row, 0, index % 2 ? 'one' : 'two', right ? byAnn : byEve)] as const;
      }),
    );
    const of = (right: boolean) => verdicts.flatMap(([by, verdict]) => (by === right ? [verdict] : []));
    expect(of(true).filter((verdict) => verdict === 'rotated')).toHaveLength(1);
    expect(new Set(of(true))).toEqual(new Set(['rotated', 'repeated']));
    expect(new Set(of(false))).toEqual(new Set(['other_app']));
    expect(await stored(row)).toMatchObject({ generation: 1, closed_at: null });
    expect(await types(row)).toEqual(['session.refreshed']);
  });

  it('is 50 others at once: nothing moves', async () => {
    const row = await openChain({ app: named });
    const before = await stored(row);
    const askers = [byEve, {}, elsewhere, { app: sha256('mallory') }];
    const verdicts = await Promise.all(
      Array.from({ length: 50 }, (_, index) => verdictOf(row, 0, index % 2 ? 'one' : 'two', askers[index % 4])),
    );
    expect(new Set(verdicts)).toEqual(new Set(['other_app', 'other_protocol']));
    expect(await stored(row)).toEqual(before);
    expect(await verdictOf(row, 0, 'one', byAnn)).toBe('rotated');
  });

  it('shares an answer with nobody who asks otherwise', async () => {
    const row = await openChain({ app: unnamed });
    const askers = [byEve, byAnn, byEve, {}, byAnn, elsewhere, { ...byEve, ...elsewhere }];
    const verdicts = await Promise.all(askers.map((asker) => verdictOf(row, 0, 'one', asker)));
    expect(verdicts).toEqual([
      'other_app',
      'rotated',
      'other_app',
      'repeated',
      'repeated',
      'other_protocol',
      'other_protocol',
    ]);
    expect(await types(row)).toEqual(['session.refreshed']);
  });

  it('is judged for each of 60 chains in one group for itself', async () => {
    const clientId = newClient();
    const kinds = [
      [named, byAnn, 'rotated'],
      [named, byEve, 'other_app'],
      [unnamed, {}, 'rotated'],
      [null, elsewhere, 'other_protocol'],
      [null, byEve, 'rotated'],
    ] as const;
    const rows = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const [app, asker, verdict] = kinds[index % kinds.length] as (typeof kinds)[number];
        return { row: await openChain({ clientId, app }), asker, verdict };
      }),
    );
    const verdicts = await Promise.all(rows.map(({ row, asker }) => verdictOf(row, 0, 'one', asker)));
    expect(verdicts).toEqual(rows.map(({ verdict }) => verdict));
  });

  it('stands in the database as a hash alone', async () => {
    const row = await openChain({ app: named });
    const [kept] = await replicas.sql<{ app_hash: Buffer; text: string }>(
      'SELECT app_hash, session::text AS text FROM sessions session WHERE session_id = $1',
      [row.sessionId],
    );
    expect(kept?.app_hash).toEqual(ann);
    expect(kept?.text).not.toContain('ann');
  });
});

describe('a group', () => {
  it('answers every row for itself: good, repeated, superseded, ahead, closed and unknown ones', async () => {
    const rows = await Promise.all(Array.from({ length: 6 }, () => openChain()));
    const [fresh, retried, stolen, restored, closed] = rows as [Opening, Opening, Opening, Opening, Opening];
    await verdictOf(retried, 0);
    for (const generation of [0, 1]) await verdictOf(stolen, generation);
    await replicas.one.closeAll({ clientId: closed.clientId, reason: 'admin', traceparent: null }, closed.subject);
    const unknown = chain({ clientId: newClient() });
    const verdicts = await Promise.all(
      [stolen, fresh, unknown, retried, restored, closed].map((row) => verdictOf(row, row === restored ? 9 : 0)),
    );
    expect(verdicts).toEqual(['reused', 'rotated', undefined, 'repeated', 'ahead', 'ended']);
  });

  it('takes one row a session: the same token shares its answer, the next link waits its turn', async () => {
    const row = await openChain();
    const verdicts = await Promise.all([0, 0, 1, 1, 0].map((generation) => verdictOf(row, generation)));
    expect(verdicts).toEqual(['rotated', 'repeated', 'rotated', 'repeated', 'repeated']);
    expect(await types(row)).toEqual(['session.refreshed', 'session.refreshed']);
  });

  it('loses alone the row that cannot be judged', async () => {
    const rows = await Promise.all(Array.from({ length: 20 }, () => openChain()));
    const settled = await Promise.allSettled(rows.map((row, index) => verdictOf(row, index === 7 ? 2 ** 31 : 0)));
    expect(settled[7]).toMatchObject({ status: 'rejected', reason: { code: '22003' } });
    expect(settled.filter((result) => result.status === 'fulfilled' && result.value === 'rotated')).toHaveLength(19);
    for (const row of rows.toSpliced(7, 1)) expect(await types(row)).toEqual(['session.refreshed']);
  });

  it('of 150 sessions on two replicas in opposite orders rotates each once', async () => {
    const clientId = newClient();
    const rows = Array.from({ length: 150 }, () => chain({ clientId }));
    await Promise.all(rows.map((row) => opened(replicas.one, row)));
    const verdicts = await Promise.all([
      ...rows.map((row) => verdictOf(row, 0, 'one')),
      ...rows.toReversed().map((row) => verdictOf(row, 0, 'two')),
    ]);
    expect(verdicts.filter((verdict) => verdict === 'rotated')).toHaveLength(150);
    expect(verdicts.filter((verdict) => verdict === 'repeated')).toHaveLength(150);
    expect(await replicas.facts(clientId, 'session.refreshed')).toHaveLength(150);
  });
});

/** The rules of state.md in a few lines, to hold the statement against. */
class Chain {
  generation = 0;
  rotatedSecondsAgo = Number.POSITIVE_INFINITY;
  ended = false;

  refresh(presented: number, by: 'its app' | 'another app' | 'another door'): Verdict {
    if (this.ended) return 'ended';
    if (by === 'another door') return 'other_protocol';
    if (by === 'another app') return 'other_app';
    if (presented > this.generation) return 'ahead';
    if (presented === this.generation) {
      this.generation += 1;
      this.rotatedSecondsAgo = 0;
      return 'rotated';
    }
    if (presented === this.generation - 1 && this.rotatedSecondsAgo <= 10) return 'repeated';
    this.ended = true;
    return 'reused';
  }
}

describe('the refresh chain', () => {
  // No sum of these is 10: the clock of the test goes on meanwhile.
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        does: fc.constant('refresh' as const),
        behind: fc.constantFrom(0, 0, 0, 1, 1, 2, -1),
        by: fc.constantFrom('its app' as const, 'its app' as const, 'another app' as const, 'another door' as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ does: fc.constant('age' as const), seconds: fc.constantFrom(3, 6, 12) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('close' as const) }) },
  );

  it('does what the model does, step by step, at either replica', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 12 }), async (steps) => {
        const row = await openChain({ app: { hash: ann, named: true } });
        const askers = { 'its app': byAnn, 'another app': byEve, 'another door': { ...byAnn, ...elsewhere } };
        const model = new Chain();
        for (const [taken, atTwo] of steps) {
          if (taken.does === 'refresh') {
            const presented = Math.max(0, model.generation - taken.behind);
            const verdict = await verdictOf(row, presented, atTwo ? 'two' : 'one', askers[taken.by]);
            expect(verdict).toBe(model.refresh(presented, taken.by));
          } else if (taken.does === 'age') {
            await age(row, taken.seconds);
            model.rotatedSecondsAgo += taken.seconds;
          } else {
            await replicas.one.closeAll({ clientId: row.clientId, reason: 'admin', traceparent: null }, row.subject);
            model.ended = true;
          }
        }
        const [left] = await replicas.sql<{ generation: number; ended: boolean }>(
          'SELECT generation, closed_at IS NOT NULL AS ended FROM sessions WHERE session_id = $1',
          [row.sessionId],
        );
        expect(left).toEqual({ generation: model.generation, ended: model.ended });
      }),
      { numRuns: 100 },
    );
  });

  it('stays a path under any burst of tokens: no token ever has two successors', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()), { minLength: 1, maxLength: 16 }), {
          maxLength: 3,
        }),
        async (bursts) => {
          const row = await openChain();
          for (const burst of bursts) {
            const answers = await Promise.all(
              burst.map(async ([generation, atTwo]) => ({
                generation,
                judged: await replicas[atTwo ? 'two' : 'one'].refresh(refreshing(row, generation)),
              })),
            );
            for (const { generation, judged } of answers)
              if (judged?.verdict === 'rotated' || judged?.verdict === 'repeated')
                expect(judged.generation).toBe(generation + 1);
          }
          const generations = (await replicas.facts(row.clientId, 'session.refreshed')).map(
            ({ body }) => body['generation'],
          );
          expect(generations).toEqual(generations.map((_, index) => index + 1));
        },
      ),
      { numRuns: 60 },
    );
  });
});
