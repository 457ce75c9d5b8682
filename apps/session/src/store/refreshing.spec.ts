import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Verdict } from '../domain/session.js';
import type { Opening } from './opening.js';
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

const verdictOf = async (row: Opening, generation: number, replica: 'one' | 'two' = 'one') =>
  (await replicas[replica].refresh(refreshing(row, generation)))?.verdict;

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
    expect([await first, await closed, await second]).toEqual(['rotated', 1, 'ended']);
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

  refresh(presented: number): Verdict {
    if (this.ended) return 'ended';
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
      arbitrary: fc.record({ does: fc.constant('refresh' as const), behind: fc.constantFrom(0, 0, 0, 1, 1, 2, -1) }),
    },
    { weight: 2, arbitrary: fc.record({ does: fc.constant('age' as const), seconds: fc.constantFrom(3, 6, 12) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('close' as const) }) },
  );

  it('does what the model does, step by step, at either replica', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 12 }), async (steps) => {
        const row = await openChain();
        const model = new Chain();
        for (const [taken, atTwo] of steps) {
          if (taken.does === 'refresh') {
            const presented = Math.max(0, model.generation - taken.behind);
            expect(await verdictOf(row, presented, atTwo ? 'two' : 'one')).toBe(model.refresh(presented));
          } else if (taken.does === 'age') {
            await age(row, taken.seconds);
            model.rotatedSecondsAgo += taken.seconds;
          } else {
            await replicas.one.closeAll({ clientId: row.clientId, reason: 'admin', traceparent: null }, row.subject);
            model.ended = true;
          }
        }
        const [stored] = await replicas.sql<{ generation: number; ended: boolean }>(
          'SELECT generation, closed_at IS NOT NULL AS ended FROM sessions WHERE session_id = $1',
          [row.sessionId],
        );
        expect(stored).toEqual({ generation: model.generation, ended: model.ended });
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
