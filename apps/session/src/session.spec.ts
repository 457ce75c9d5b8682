import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { session } from '#contracts/session';
import type { SessionController } from './session.controller.js';
import { newClient, type Replicas, twoReplicas } from './store/testing.js';
import { type Asked, attempt, credentials, door, fault, key002, link, macKey, service, unlinked } from './testing.js';

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

describe('open', () => {
  it('answers what the contract says, and the cookie reads the session anywhere', async () => {
    const request = link();
    const answer = session.open.reply.parse(await one.open(request));
    expect(answer.outcome).toBe('opened');
    expect(session.read.reply.parse(await two.read({ cookie: answer.credential }))).toEqual(answer.session);
    expect(await two.read({ clientId: request.clientId, sessionId: request.sessionId })).toEqual(answer.session);
    expect((await one.list({ clientId: request.clientId, userId: request.subject })).items).toEqual([answer.session]);
  });

  it('knows the same browser again by its cookie alone', async () => {
    const request = link();
    const { credential } = await one.open(request);
    const reload = { ...request, sessionId: randomUUID() };
    expect(await two.open({ ...reload, presented: credential })).toMatchObject({
      outcome: 'repeat',
      session: { sessionId: request.sessionId },
    });

    const elsewhere = await one.open(link({ clientId: request.clientId }));
    // Another client's session of the very same id.
    const foreign = await one.open(link({ sessionId: request.sessionId }));
    const forged = credential.slice(0, -1) + (credential.endsWith('0') ? '1' : '0');
    for (const presented of [undefined, '', forged, elsewhere.credential, foreign.credential, request.sessionId])
      await expect(one.open({ ...reload, ...(presented !== undefined && { presented }) })).rejects.toEqual(
        fault('origin.spent'),
      );
  });

  it('hands a refresh token to no repeat', async () => {
    const request = link();
    const { credential } = await one.open(request);
    const again = { ...request, sessionId: randomUUID(), presented: credential, credential: 'refresh' as const };
    await expect(one.open(again)).rejects.toEqual(fault('origin.spent'));
  });

  it('gives the identical refresh token when it is asked again after a lost answer', async () => {
    const request = key002();
    const first = await one.open(request);
    expect(await two.open(request)).toEqual(first);
    expect(first.credential).toMatch(/^segue_rt_/);
  });

  it('refuses an epoch that is over', async () => {
    const request = link();
    await replicas.epochs.raise([{ clientId: request.clientId, subject: request.subject, least: 1 }]);
    await expect(one.open(request)).rejects.toEqual(fault('epoch.stale'));
  });
});

describe('what the audit trail says of an open that was refused', () => {
  const stated = async (clientId: string) =>
    (await replicas.facts(clientId, 'link.refused', 'token.claim_failed')).map(({ type, body }) => [type, body]);
  const claim = (given: Partial<Asked>) =>
    unlinked({ origin: `ott:${randomUUID()}`, credential: 'refresh', ...given, protocol: 'claim' });

  it('of a link: replayed or changed, and how often where an address floods', async () => {
    const request = link();
    const { clientId, subject: userId } = request;
    await one.open(request);
    const names = { support: attempt.support, address: attempt.address };
    await expect(one.open({ ...request, sessionId: randomUUID() })).rejects.toEqual(fault('origin.spent'));
    const changed = link({ clientId });
    await replicas.epochs.raise([{ clientId, subject: changed.subject, least: 1 }]);
    await expect(two.open(changed)).rejects.toEqual(fault('epoch.stale'));
    expect(await stated(clientId)).toEqual([
      ['link.refused', { ...names, reason: 'replayed', userId }],
      ['link.refused', { ...names, reason: 'changed', userId: changed.subject }],
    ]);

    const flood = { support: 'zzzzzzzzzz', address: randomUUID().slice(0, 32) };
    const again = () => one.open({ ...request, sessionId: randomUUID(), attempt: flood });
    for (let burst = 0; burst < 7; burst += 1) await Promise.allSettled(Array.from({ length: 100 }, again));
    expect(await stated(clientId)).toHaveLength(2 + 600);
  });

  it('of a landing code: its session ended, or it opened one before', async () => {
    const parent = link();
    const { clientId, subject } = parent;
    await one.open(parent);
    const request = claim({ clientId, subject, parentId: parent.sessionId });
    expect((await one.open(request)).outcome).toBe('opened');
    const { origin } = request;
    await expect(two.open(claim({ clientId, subject, origin, parentId: parent.sessionId }))).rejects.toEqual(
      fault('origin.spent'),
    );
    await two.close({ clientId, sessionId: parent.sessionId, reason: 'signed_out' });
    await expect(one.open(claim({ clientId, subject, parentId: parent.sessionId }))).rejects.toEqual(
      fault('parent.ended'),
    );
    const names = { purpose: 'landing', ...attempt };
    expect(await stated(clientId)).toEqual([
      ['token.claim_failed', { ...names, reason: 'replayed' }],
      ['token.claim_failed', { ...names, reason: 'parent_ended' }],
    ]);
  });

  it.each(['one-time', 'custom-token'] as const)('of a %s token: it opened one before', async (protocol) => {
    const asked = unlinked({ protocol, origin: `ott:${randomUUID()}` });
    const { clientId } = asked;
    await one.open(asked);
    const again = { ...asked, sessionId: randomUUID() };
    await expect(two.open(again)).rejects.toEqual(fault('origin.spent'));
    await replicas.epochs.raise([{ clientId, subject: asked.subject, least: 1 }]);
    await expect(one.open({ ...again, origin: `ott:${randomUUID()}` })).rejects.toEqual(fault('epoch.stale'));
    const names = { purpose: protocol, ...attempt };
    expect(await stated(clientId)).toEqual([
      ['token.claim_failed', { ...names, reason: 'replayed' }],
      ['token.claim_failed', { ...names, reason: 'changed' }],
    ]);
  });

  it('of a password: nothing, as no token was spent', async () => {
    const asked = unlinked({ protocol: 'one-time', origin: null, originUntil: null, credential: 'refresh' });
    const { clientId, subject } = asked;
    await replicas.epochs.raise([{ clientId, subject, least: 1 }]);
    await expect(one.open(asked)).rejects.toEqual(fault('epoch.stale'));
    expect(await stated(clientId)).toEqual([]);
  });
});

describe('a browser that is signed in as another user', () => {
  it('is asked where the client wants it, and hands its session over when the user says so', async () => {
    const first = link();
    const before = await one.open(first);
    const second = link({ clientId: first.clientId, presented: before.credential, switchUser: 'confirm' });
    expect(session.open.reply.parse(await two.open(second))).toEqual({
      outcome: 'switch',
      session: before.session,
      credential: '',
    });
    expect((await two.open({ ...second, switchUser: 'replace' })).outcome).toBe('opened');
    expect(await one.read({ cookie: before.credential })).toBeNull();
  });

  it('is not, by the cookie of another client', async () => {
    const elsewhere = await one.open(link());
    const answer = await one.open(link({ presented: elsewhere.credential, switchUser: 'confirm' }));
    expect(answer.outcome).toBe('opened');
    expect(await two.read({ cookie: elsewhere.credential })).not.toBeNull();
  });
});

describe('a subject that may keep so many sessions', () => {
  it('keeps the newest', async () => {
    const [clientId, subject] = [newClient(), randomUUID()];
    const request = () =>
      unlinked({ clientId, subject, protocol: 'custom-token', origin: `ott:${randomUUID()}`, mostPerSubject: 10 });
    const answers = [];
    for (let count = 0; count < 12; count += 1) answers.push(await (count % 2 ? one : two).open(request()));
    const { items } = await one.list({ clientId, userId: subject });
    expect(items).toEqual(
      answers
        .slice(2)
        .reverse()
        .map((answer) => answer.session),
    );
    expect(await one.read({ cookie: answers[1]?.credential ?? '' })).toBeNull();
  });

  it('does not by hanging one on another', () => {
    const asked = unlinked({ protocol: 'custom-token', parentId: randomUUID(), mostPerSubject: 10 });
    const parsed = session.open.request.safeParse(asked);
    expect(parsed.error?.issues.map(({ path }) => path)).toEqual([['mostPerSubject']]);
  });
});

describe('a credential that is not ours', () => {
  it('is refused without looking for a session', async () => {
    const ended = await twoReplicas();
    await ended.end();
    const unreachable = service(replicas.postgres, ended.one, k1);
    const ours = credentials(k1).cookie({ clientId: 'acme1234', sessionId: randomUUID() });
    await expect(unreachable.read({ cookie: ours })).rejects.toEqual(fault('service.unavailable'));

    const forged = credentials(macKey('k1'));
    const name = { clientId: 'acme1234', sessionId: randomUUID() };
    expect(await unreachable.read({ cookie: forged.cookie(name) })).toBeNull();
    const refreshToken = forged.refreshToken({ ...name, generation: 0 }, 'k1');
    await expect(unreachable.refresh({ refreshToken, ...door })).rejects.toEqual(fault('refresh.refused'));
  });
});
