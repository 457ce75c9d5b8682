import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { adviceOn } from '#contracts/refusal';
import { session } from '#contracts/session';
import type { SessionController } from './session.controller.js';
import { newClient, type Replicas, twoReplicas } from './store/testing.js';
import { type Asked, attempt, credentials, door, fault, key002, macKey, service, unlinked } from './testing.js';

const [k1, k2] = [macKey('k1'), macKey('k2')];

let replicas: Replicas;
/** Two replicas in the middle of a key rotation: each makes with another key and reads both. */
let one: SessionController;
let two: SessionController;
beforeAll(async () => {
  replicas = await twoReplicas();
  one = service(replicas.postgres, replicas.one, `${k1},${k2}`);
  two = service(replicas.postgres, replicas.two, `${k2},${k1}`);
});
afterAll(() => replicas.end());

describe('refresh', () => {
  it('gives one successor to 50 at once, also while the keys rotate', async () => {
    const { credential, session: opened } = await one.open(key002());
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? one : two).refresh({ refreshToken: credential, ...door })),
    );
    expect(new Set(answers.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    expect(answers.filter(({ outcome }) => outcome === 'rotated')).toHaveLength(1);
    for (const answer of answers) expect(session.refresh.reply.parse(answer).session).toEqual(opened);
  });

  it('walks a chain between replicas, and ends it for everybody when an old token comes back', async () => {
    const { credential, session: opened } = await one.open(key002());
    const tokens = [credential];
    for (const replica of [two, one, two, one])
      tokens.push((await replica.refresh({ refreshToken: tokens.at(-1) as string, ...door })).refreshToken);
    expect(new Set(tokens).size).toBe(5);

    for (const refreshToken of [tokens[1], tokens[4], tokens[3]] as string[])
      await expect(two.refresh({ refreshToken, ...door })).rejects.toEqual(fault('refresh.refused'));
    expect(await one.read(opened)).toBeNull();
  });

  it('refuses a token of a closed session, and one that names none', async () => {
    const request = key002();
    const { credential } = await one.open(request);
    const { clientId, sessionId } = request;
    expect(await two.close({ clientId, sessionId, reason: 'revoked' })).toEqual({ closed: 1 });
    expect(await one.close({ clientId, subject: request.subject, reason: 'revoked' })).toEqual({ closed: 0 });
    await expect(one.refresh({ refreshToken: credential, ...door })).rejects.toEqual(fault('refresh.refused'));

    const stranger = credentials(k1);
    const refreshToken = stranger.refreshToken({ clientId, sessionId: randomUUID(), generation: 0 }, 'k1');
    await expect(one.refresh({ refreshToken, ...door })).rejects.toEqual(fault('refresh.refused'));
  });
});

describe('a chain that is bound', () => {
  const bound = (app: Asked['app']) =>
    unlinked({ protocol: 'one-time', origin: null, originUntil: null, credential: 'refresh', app });
  const here = { protocols: ['one-time' as const], attempt };
  const stated = async (clientId: string) =>
    (await replicas.facts(clientId)).flatMap(({ type, body }) => {
      if (type !== 'session.refresh_refused') return [];
      expect(adviceOn(type, String(body['reason']))).toBeDefined();
      return [body];
    });

  it('to a named app goes on by that app and by its own door only; each other try is told once', async () => {
    const request = bound({ id: 'Ann@Example.com', named: true });
    const { credential: refreshToken, session: opened } = await one.open(request);
    const wrong = [{ ...here, app: 'ann@example.com' }, { ...here }, { ...door, app: 'Ann@Example.com' }];
    for (const asker of wrong)
      await expect(two.refresh({ refreshToken, ...asker })).rejects.toEqual(fault('refresh.refused'));
    const { sessionId } = opened;
    expect(await stated(request.clientId)).toEqual(
      ['other_app', 'other_app', 'other_protocol'].map((reason) => ({ reason, sessionId, ...attempt })),
    );
    const answer = await two.refresh({ refreshToken, ...here, app: 'Ann@Example.com' });
    expect(session.refresh.reply.parse(answer)).toMatchObject({ outcome: 'rotated', session: opened });
    expect(await stated(request.clientId)).toHaveLength(3);

    const kept = await replicas.sql<{ text: string }>(
      `SELECT to_jsonb(kept)::text AS text FROM sessions kept WHERE client_id = $1
       UNION ALL SELECT to_jsonb(kept)::text FROM outbox kept WHERE client_id = $1`,
      [request.clientId],
    );
    expect(kept.length).toBeGreaterThan(4);
    for (const { text } of kept) expect(text.toLowerCase()).not.toContain('example');
  });

  it('to the app its user is goes on without one', async () => {
    const { credential } = await one.open(bound({ id: 'ann@example.com', named: false }));
    const next = await two.refresh({ refreshToken: credential, ...here });
    await expect(one.refresh({ refreshToken: next.refreshToken, ...here, app: 'eve' })).rejects.toEqual(
      fault('refresh.refused'),
    );
    const last = await one.refresh({ refreshToken: next.refreshToken, ...here, app: 'ann@example.com' });
    expect(last.outcome).toBe('rotated');
  });
});

describe('what the audit trail says of a refresh that was refused', () => {
  const refused = async (clientId: string) =>
    (await replicas.facts(clientId)).flatMap(({ type, body, traceparent }) =>
      type === 'session.refresh_refused' ? [{ ...body, traceparent }] : [],
    );
  const names = { ...attempt, traceparent: null };

  it('is why, once for each, under the client that the token proves', async () => {
    const request = key002();
    const { clientId, sessionId } = request;
    const { credential } = await one.open(request);
    const ours = credentials(k1);
    const unknown = randomUUID();
    const tokens = [
      ours.refreshToken({ clientId, sessionId, generation: 9 }, 'k1'),
      ours.refreshToken({ clientId, sessionId: unknown, generation: 0 }, 'k1'),
    ];
    for (const refreshToken of tokens)
      await expect(two.refresh({ refreshToken, ...door })).rejects.toEqual(fault('refresh.refused'));
    await one.close({ clientId, sessionId, reason: 'admin' });
    await expect(two.refresh({ refreshToken: credential, ...door })).rejects.toEqual(fault('refresh.refused'));
    expect(await refused(clientId)).toEqual([
      { ...names, reason: 'ahead', sessionId },
      { ...names, reason: 'unknown', sessionId: unknown },
      { ...names, reason: 'ended', sessionId },
    ]);
  });

  it('is nobody’s where the token is none of ours, without a word of it', async () => {
    const forged = credentials(macKey('k1'));
    const clientId = newClient();
    const support = 'malformed0';
    for (const refreshToken of [
      '',
      'x',
      forged.refreshToken({ clientId, sessionId: randomUUID(), generation: 0 }, 'k1'),
    ])
      await expect(one.refresh({ refreshToken, ...door, attempt: { ...attempt, support } })).rejects.toEqual(
        fault('refresh.refused'),
      );
    expect(await refused(clientId)).toEqual([]);
    const all = await refused('_');
    expect(all.filter((body) => 'support' in body && body.support === support)).toEqual(
      Array.from({ length: 3 }, () => ({ ...names, support, reason: 'malformed' })),
    );
  });

  it('is one fact for each of 50 superseded tokens at once: one ended the chain, the others came late', async () => {
    const request = key002();
    const { credential } = await one.open(request);
    const second = await one.refresh({ refreshToken: credential, ...door });
    await one.refresh({ refreshToken: second.refreshToken, ...door });
    const tries = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? one : two).refresh({ refreshToken: credential, ...door })),
    );
    expect(new Set(tries.map(({ status }) => status))).toEqual(new Set(['rejected']));
    const late = await refused(request.clientId);
    expect(late).toHaveLength(49);
    expect(new Set(late.map((body) => 'reason' in body && body.reason))).toEqual(new Set(['ended']));
    expect(await replicas.facts(request.clientId, 'session.reuse_detected')).toHaveLength(1);
    expect(await replicas.facts(request.clientId, 'session.closed')).toHaveLength(1);
  });

  it('is counted where an address floods', async () => {
    const request = key002();
    const { credential } = await one.open(request);
    await one.close({ clientId: request.clientId, sessionId: request.sessionId, reason: 'admin' });
    const flood = { support: 'zzzzzzzzzz', address: randomUUID().slice(0, 32) };
    const again = () => one.refresh({ refreshToken: credential, ...door, attempt: flood });
    for (let burst = 0; burst < 7; burst += 1) await Promise.allSettled(Array.from({ length: 100 }, again));
    expect(await refused(request.clientId)).toHaveLength(600);
  });
});

describe('a refresh token', () => {
  it('reads its session while it is the newest, and spends nothing', async () => {
    const { credential, session: opened } = await one.open(key002());
    expect(session.read.reply.parse(await two.read({ refreshToken: credential }))).toEqual(opened);
    const { refreshToken } = await one.refresh({ refreshToken: credential, ...door });
    expect(await two.read({ refreshToken: credential })).toBeNull();
    expect(await two.read({ refreshToken })).toEqual(opened);
    expect(await two.read({ refreshToken })).toEqual(opened);
    expect((await two.refresh({ refreshToken, ...door })).outcome).toBe('rotated');
    expect(await one.read({ refreshToken: `${refreshToken}x` })).toBeNull();
  });

  it.each([
    ['the newest', 2],
    ['its predecessor', 1],
    ['a superseded one', 0],
  ])('ends its session and what hangs on it: %s', async (_, which) => {
    const request = key002();
    const { clientId } = request;
    const { credential } = await one.open(request);
    const tokens = [credential];
    for (const replica of [two, one])
      tokens.push((await replica.refresh({ refreshToken: tokens.at(-1) as string, ...door })).refreshToken);
    const below = { clientId, subject: request.subject, parentId: request.sessionId, origin: null, originUntil: null };
    await one.open(unlinked({ ...below, protocol: 'claim', credential: 'refresh' }));

    const refreshToken = tokens[which] as string;
    expect(await two.close({ clientId: newClient(), refreshToken, reason: 'revoked' })).toEqual({ closed: 0 });
    expect(await two.close({ clientId, refreshToken: `${refreshToken}x`, reason: 'revoked' })).toEqual({ closed: 0 });
    expect(await two.read({ refreshToken: tokens[2] as string })).not.toBeNull();
    expect(await two.close({ clientId, refreshToken, reason: 'revoked' })).toEqual({ closed: 2 });
    expect(await one.close({ clientId, refreshToken, reason: 'revoked' })).toEqual({ closed: 0 });
    expect(await one.read({ refreshToken: tokens[2] as string })).toBeNull();
    expect(await replicas.facts(clientId, 'session.reuse_detected')).toEqual([]);
  });

  it('that names no session of ours ends nothing', async () => {
    const forged = credentials(macKey('k1'));
    const request = key002();
    await one.open(request);
    const { clientId, sessionId } = request;
    const refreshToken = forged.refreshToken({ clientId, sessionId, generation: 0 }, 'k1');
    expect(await one.close({ clientId, refreshToken, reason: 'revoked' })).toEqual({ closed: 0 });
    // Another client's session of the very same id.
    const foreign = await one.open({ ...key002(), sessionId });
    expect(await one.close({ clientId, refreshToken: foreign.credential, reason: 'revoked' })).toEqual({ closed: 0 });
    expect(await one.read({ clientId, sessionId })).not.toBeNull();
  });
});
