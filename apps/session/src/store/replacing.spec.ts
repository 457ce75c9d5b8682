import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Opening } from './opening.js';
import { child, newClient, opened, opening, type Replicas, twoReplicas } from './testing.js';

let replicas: Replicas;
beforeAll(async () => {
  replicas = await twoReplicas();
});
afterAll(() => replicas.end());

/** A browser that is signed in already. */
async function browser(given: Partial<Opening> = {}): Promise<Opening> {
  const row = opening({ clientId: newClient(), ...given });
  await opened(replicas.one, row);
  return row;
}

/** The next sign-in in that browser. */
const next = ({ clientId, sessionId }: Opening, given: Partial<Opening> = {}) =>
  opening({ clientId, presented: sessionId, ...given });

const anonymous = { protocol: 'anonymous', origin: null, originUntil: null, link: null } as const;
const confirm = { switchUser: 'confirm' } as const;

const closed = async ({ clientId }: Opening) =>
  (await replicas.facts(clientId, 'session.closed')).map(({ body }) => [body['sessionId'], body['reason']]);

describe('a sign-in in a browser that has a session', () => {
  it.each<[string, Partial<Opening>, (before: Opening) => Partial<Opening>]>([
    ['another user’s, where the client does not ask', {}, () => ({})],
    ['an anonymous one', anonymous, () => confirm],
    ['an anonymous one that became the user', anonymous, ({ subject }) => ({ ...confirm, subject })],
    ['the same user’s', {}, ({ subject }) => ({ ...confirm, subject })],
  ])('replaces %s', async (_, before, given) => {
    const first = await browser(before);
    const second = next(first, given(first));
    await opened(replicas.two, second);
    expect(await replicas.one.find(first)).toBeNull();
    expect(await replicas.one.find(second)).not.toBeNull();
    expect(await closed(first)).toEqual([[first.sessionId, 'replaced']]);
  });

  it('asks first where the client wants it: nothing opens, nothing ends, the origin is not spent', async () => {
    const first = await browser();
    const session = await replicas.one.find(first);
    const second = next(first, confirm);
    const before = await replicas.facts(first.clientId);
    expect(await replicas.two.open(second)).toEqual({ outcome: 'switch', session });
    expect(await replicas.one.find(second)).toBeNull();
    expect(await replicas.facts(first.clientId)).toEqual(before);

    await opened(replicas.one, { ...second, switchUser: 'replace' });
    expect(await replicas.one.find(first)).toBeNull();
    expect(await replicas.one.find(second)).not.toBeNull();
  });

  it('ends what hangs on the old one too', async () => {
    const first = await browser();
    const below = child(first);
    await opened(replicas.one, below);
    await opened(replicas.one, next(first));
    expect(await replicas.one.find(below)).toBeNull();
    expect(await closed(first)).toEqual([
      [first.sessionId, 'replaced'],
      [below.sessionId, 'replaced'],
    ]);
  });

  it('keeps the one it hangs on, and those above', async () => {
    const first = await browser();
    const middle = child(first);
    await opened(replicas.one, middle);
    const leaves = [
      child(first, { presented: first.sessionId }),
      child(middle, { ...confirm, presented: first.sessionId }),
    ];
    for (const leaf of leaves) await opened(replicas.one, leaf);
    for (const row of [first, middle, ...leaves]) expect(await replicas.two.find(row)).not.toBeNull();
    expect(await closed(first)).toEqual([]);
  });

  it.each<[string, (first: Opening) => Promise<unknown>]>([
    [
      'closed',
      ({ clientId, subject }) => replicas.one.closeAll({ clientId, reason: 'admin', traceparent: null }, subject),
    ],
    ['stale', ({ clientId, subject }) => replicas.epochs.raise([{ clientId, subject, least: 1 }])],
    [
      'of another client',
      ({ sessionId }) => replicas.sql(`UPDATE sessions SET client_id = 'elsewhere' WHERE session_id = $1`, [sessionId]),
    ],
  ])('is as without one when that is %s', async (_, end) => {
    const first = await browser();
    await end(first);
    const before = await closed(first);
    await opened(replicas.one, next(first, confirm));
    expect(await closed(first)).toEqual(before);
  });

  it('does not ask a user who is signing out', async () => {
    const first = await browser();
    const signOut = 'UPDATE sessions SET closed_at = now() WHERE session_id = $1';
    const answer = await replicas.meanwhile(signOut, [first.sessionId], () => replicas.two.open(next(first, confirm)));
    expect(answer.outcome).toBe('opened');
  });

  it('that opens nothing ends nothing', async () => {
    const first = await browser();
    const spent = await browser({ clientId: first.clientId });
    expect(await replicas.one.open(next(first, { origin: spent.origin }))).toEqual({ outcome: 'spent' });
    expect(await replicas.one.open(next(first, { parentId: randomUUID() }))).toEqual({ outcome: 'orphaned' });
    expect(await replicas.one.find(first)).not.toBeNull();
    expect(await closed(first)).toEqual([]);
  });

  it('asked for again after a lost answer is the same', async () => {
    const first = await browser();
    const second = next(first);
    const answer = await opened(replicas.one, second);
    expect(await replicas.two.open(second)).toEqual(answer);
    expect(await closed(first)).toHaveLength(1);
  });

  it('is met again by its own browser, whose session stays', async () => {
    const first = await browser();
    const again = next(first, { ...confirm, origin: first.origin, subject: first.subject });
    expect((await replicas.two.open(again)).outcome).toBe('repeat');
    expect(await replicas.one.find(first)).not.toBeNull();
  });
});

describe('50 sign-ins in one browser at once', () => {
  it('end its session once', async () => {
    const first = await browser();
    const rows = Array.from({ length: 50 }, () => next(first));
    const answers = await Promise.all(rows.map((row, index) => replicas[index % 2 ? 'one' : 'two'].open(row)));
    expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(['opened']));
    expect(await closed(first)).toEqual([[first.sessionId, 'replaced']]);
  });

  it('with one link open one session', async () => {
    const first = await browser();
    const { origin } = opening({ clientId: first.clientId });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => replicas[index % 2 ? 'one' : 'two'].open(next(first, { origin }))),
    );
    expect(answers.filter(({ outcome }) => outcome === 'opened')).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === 'spent')).toHaveLength(49);
  });
});
