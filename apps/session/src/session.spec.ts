import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FaultCode } from '#contracts/fault';
import { adviceOn } from '#contracts/refusal';
import type { Received } from '#contracts/service';
import { session } from '#contracts/session';
import { createLog } from '#log/log';
import { GroupedFacts } from '#outbox/grouped-facts';
import { Outbox } from '#outbox/outbox';
import { Refusals } from '#outbox/refusals';
import { parseKeyRing } from '#secrets/key-ring';
import { Close } from './close.js';
import { Credentials } from './domain/credential.js';
import { Heard } from './heard.js';
import { List } from './list.js';
import { Open } from './open.js';
import { Read } from './read.js';
import { Refresh } from './refresh.js';
import { SessionController } from './session.controller.js';
import { Snapshot } from './snapshot.js';
import { RevocationStore } from './store/revocation.store.js';
import type { SessionsStore } from './store/sessions.store.js';
import { newClient, type Replicas, twoReplicas } from './store/testing.js';

const log = createLog({ service: 'session', level: 'silent' });
const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const [k1, k2] = [key('k1'), key('k2')];

let replicas: Replicas;
/** Two replicas in the middle of a key rotation: each makes with another key and reads both. */
let one: SessionController;
let two: SessionController;
beforeAll(async () => {
  replicas = await twoReplicas();
  one = service(replicas.one, `${k1},${k2}`);
  two = service(replicas.two, `${k2},${k1}`);
});
afterAll(() => replicas.end());

function service(sessions: SessionsStore, keys: string): SessionController {
  const credentials = new Credentials(parseKeyRing(keys));
  const outbox = new Outbox();
  const refusals = new Refusals(new GroupedFacts(replicas.postgres, outbox), log);
  return new SessionController(
    new Open(credentials, sessions, refusals, outbox),
    new Read(credentials, sessions),
    new Refresh(credentials, sessions, refusals, outbox),
    new Close(credentials, sessions, outbox),
    new List(sessions),
    new Snapshot(new RevocationStore(replicas.postgres), new Heard()),
  );
}

const protocols: Received<typeof session.refresh>['protocols'] = ['client-auth'];
const attempt = { support: 'abcdefghij', address: '0123456789abcdef' };

type Asked = Received<typeof session.open>;

const link = (given: Partial<Asked> = {}): Asked => ({
  sessionId: randomUUID(),
  clientId: newClient(),
  subject: randomUUID(),
  epoch: 0,
  protocol: 'api-link',
  origin: `link:${randomUUID()}`,
  originUntil: Math.floor(Date.now() / 1000) + 90_000,
  switchUser: 'replace',
  lifetimeSeconds: 900,
  scopes: [],
  credential: 'cookie',
  link: { secretId: 'abcdefghijkl', callback: 'taken' },
  attempt,
  ...given,
});

function key002(given: Partial<Asked> = {}): Asked {
  const { link: _, ...request } = link({ protocol: 'client-auth', origin: null, originUntil: null, ...given });
  return { ...request, credential: 'refresh', subject: 'key_abcdefghijkl', scopes: ['users.read'] };
}

const refusal = (code: FaultCode) => expect.objectContaining({ name: 'Fault', code });

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
        refusal('origin.spent'),
      );
  });

  it('hands a refresh token to no repeat', async () => {
    const request = link();
    const { credential } = await one.open(request);
    const again = { ...request, sessionId: randomUUID(), presented: credential, credential: 'refresh' as const };
    await expect(one.open(again)).rejects.toEqual(refusal('origin.spent'));
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
    await expect(one.open(request)).rejects.toEqual(refusal('epoch.stale'));
  });
});

describe('what the audit trail says of an open that was refused', () => {
  const stated = async (clientId: string) =>
    (await replicas.facts(clientId, 'link.refused', 'token.claim_failed')).map(({ type, body }) => [type, body]);
  const claim = (given: Partial<Asked>): Asked => {
    const { link: _, ...request } = link({ origin: `ott:${randomUUID()}`, ...given });
    return { ...request, protocol: 'claim', credential: 'refresh' };
  };

  it('of a link: replayed or changed, and how often where an address floods', async () => {
    const request = link();
    const { clientId, subject: userId } = request;
    await one.open(request);
    const names = { support: attempt.support, address: attempt.address };
    await expect(one.open({ ...request, sessionId: randomUUID() })).rejects.toEqual(refusal('origin.spent'));
    const changed = link({ clientId });
    await replicas.epochs.raise([{ clientId, subject: changed.subject, least: 1 }]);
    await expect(two.open(changed)).rejects.toEqual(refusal('epoch.stale'));
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
      refusal('origin.spent'),
    );
    await two.close({ clientId, sessionId: parent.sessionId, reason: 'signed_out' });
    await expect(one.open(claim({ clientId, subject, parentId: parent.sessionId }))).rejects.toEqual(
      refusal('parent.ended'),
    );
    const names = { purpose: 'landing', ...attempt };
    expect(await stated(clientId)).toEqual([
      ['token.claim_failed', { ...names, reason: 'replayed' }],
      ['token.claim_failed', { ...names, reason: 'parent_ended' }],
    ]);
  });

  it.each(['one-time', 'custom-token'] as const)('of a %s token: it opened one before', async (protocol) => {
    const { link: _, ...asked } = link({ origin: `ott:${randomUUID()}` });
    const { clientId } = asked;
    await one.open({ ...asked, protocol });
    const again = { ...asked, protocol, sessionId: randomUUID() };
    await expect(two.open(again)).rejects.toEqual(refusal('origin.spent'));
    await replicas.epochs.raise([{ clientId, subject: asked.subject, least: 1 }]);
    await expect(one.open({ ...again, origin: `ott:${randomUUID()}` })).rejects.toEqual(refusal('epoch.stale'));
    const names = { purpose: protocol, ...attempt };
    expect(await stated(clientId)).toEqual([
      ['token.claim_failed', { ...names, reason: 'replayed' }],
      ['token.claim_failed', { ...names, reason: 'changed' }],
    ]);
  });

  it('of a password: nothing, as no token was spent', async () => {
    const { link: _, ...asked } = link({ origin: null, originUntil: null });
    const { clientId, subject } = asked;
    await replicas.epochs.raise([{ clientId, subject, least: 1 }]);
    await expect(one.open({ ...asked, protocol: 'one-time', credential: 'refresh' })).rejects.toEqual(
      refusal('epoch.stale'),
    );
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

describe('refresh', () => {
  it('gives one successor to 50 at once, also while the keys rotate', async () => {
    const { credential, session: opened } = await one.open(key002());
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 ? one : two).refresh({ refreshToken: credential, protocols, attempt }),
      ),
    );
    expect(new Set(answers.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    expect(answers.filter(({ outcome }) => outcome === 'rotated')).toHaveLength(1);
    for (const answer of answers) expect(session.refresh.reply.parse(answer).session).toEqual(opened);
  });

  it('walks a chain between replicas, and ends it for everybody when an old token comes back', async () => {
    const { credential, session: opened } = await one.open(key002());
    const tokens = [credential];
    for (const replica of [two, one, two, one])
      tokens.push((await replica.refresh({ refreshToken: tokens.at(-1) as string, protocols, attempt })).refreshToken);
    expect(new Set(tokens).size).toBe(5);

    for (const refreshToken of [tokens[1], tokens[4], tokens[3]] as string[])
      await expect(two.refresh({ refreshToken, protocols, attempt })).rejects.toEqual(refusal('refresh.refused'));
    expect(await one.read(opened)).toBeNull();
  });

  it('refuses a token of a closed session, and one that names none', async () => {
    const request = key002();
    const { credential } = await one.open(request);
    const { clientId, sessionId } = request;
    expect(await two.close({ clientId, sessionId, reason: 'revoked' })).toEqual({ closed: 1 });
    expect(await one.close({ clientId, subject: request.subject, reason: 'revoked' })).toEqual({ closed: 0 });
    await expect(one.refresh({ refreshToken: credential, protocols, attempt })).rejects.toEqual(
      refusal('refresh.refused'),
    );

    const stranger = new Credentials(parseKeyRing(k1));
    const refreshToken = stranger.refreshToken({ clientId, sessionId: randomUUID(), generation: 0 }, 'k1');
    await expect(one.refresh({ refreshToken, protocols, attempt })).rejects.toEqual(refusal('refresh.refused'));
  });
});

describe('a chain that is bound', () => {
  const bound = (given: Partial<Asked> = {}): Asked => {
    const { link: _, ...request } = link({ origin: null, originUntil: null, ...given });
    return { ...request, protocol: 'one-time', credential: 'refresh' };
  };
  const door = { protocols: ['one-time' as const], attempt };
  const stated = async (clientId: string) =>
    (await replicas.facts(clientId)).flatMap(({ type, body }) => {
      if (type !== 'session.refresh_refused') return [];
      expect(adviceOn(type, String(body['reason']))).toBeDefined();
      return [body];
    });

  it('to a named app goes on by that app and by its own door only; each other try is told once', async () => {
    const request = bound({ app: { id: 'Ann@Example.com', named: true } });
    const { credential: refreshToken, session: opened } = await one.open(request);
    const wrong = [
      { ...door, app: 'ann@example.com' },
      { ...door },
      { ...door, protocols: ['client-auth' as const], app: 'Ann@Example.com' },
    ];
    for (const asker of wrong)
      await expect(two.refresh({ refreshToken, ...asker })).rejects.toEqual(refusal('refresh.refused'));
    const { sessionId } = opened;
    expect(await stated(request.clientId)).toEqual(
      ['other_app', 'other_app', 'other_protocol'].map((reason) => ({ reason, sessionId, ...attempt })),
    );
    const answer = await two.refresh({ refreshToken, ...door, app: 'Ann@Example.com' });
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
    const { credential } = await one.open(bound({ app: { id: 'ann@example.com', named: false } }));
    const next = await two.refresh({ refreshToken: credential, ...door });
    await expect(one.refresh({ refreshToken: next.refreshToken, ...door, app: 'eve' })).rejects.toEqual(
      refusal('refresh.refused'),
    );
    const last = await one.refresh({ refreshToken: next.refreshToken, ...door, app: 'ann@example.com' });
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
    const ours = new Credentials(parseKeyRing(k1));
    const unknown = randomUUID();
    const tokens = [
      ours.refreshToken({ clientId, sessionId, generation: 9 }, 'k1'),
      ours.refreshToken({ clientId, sessionId: unknown, generation: 0 }, 'k1'),
    ];
    for (const refreshToken of tokens)
      await expect(two.refresh({ refreshToken, protocols, attempt })).rejects.toEqual(refusal('refresh.refused'));
    await one.close({ clientId, sessionId, reason: 'admin' });
    await expect(two.refresh({ refreshToken: credential, protocols, attempt })).rejects.toEqual(
      refusal('refresh.refused'),
    );
    expect(await refused(clientId)).toEqual([
      { ...names, reason: 'ahead', sessionId },
      { ...names, reason: 'unknown', sessionId: unknown },
      { ...names, reason: 'ended', sessionId },
    ]);
  });

  it('is nobody’s where the token is none of ours, without a word of it', async () => {
    const forged = new Credentials(parseKeyRing(key('k1')));
    const clientId = newClient();
    const support = 'malformed0';
    for (const refreshToken of [
      '',
      'x',
      forged.refreshToken({ clientId, sessionId: randomUUID(), generation: 0 }, 'k1'),
    ])
      await expect(one.refresh({ refreshToken, protocols, attempt: { ...attempt, support } })).rejects.toEqual(
        refusal('refresh.refused'),
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
    const second = await one.refresh({ refreshToken: credential, protocols, attempt });
    await one.refresh({ refreshToken: second.refreshToken, protocols, attempt });
    const tries = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 ? one : two).refresh({ refreshToken: credential, protocols, attempt }),
      ),
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
    const again = () => one.refresh({ refreshToken: credential, protocols, attempt: flood });
    for (let burst = 0; burst < 7; burst += 1) await Promise.allSettled(Array.from({ length: 100 }, again));
    expect(await refused(request.clientId)).toHaveLength(600);
  });
});

describe('a refresh token', () => {
  it('reads its session while it is the newest, and spends nothing', async () => {
    const { credential, session: opened } = await one.open(key002());
    expect(session.read.reply.parse(await two.read({ refreshToken: credential }))).toEqual(opened);
    const { refreshToken } = await one.refresh({ refreshToken: credential, protocols, attempt });
    expect(await two.read({ refreshToken: credential })).toBeNull();
    expect(await two.read({ refreshToken })).toEqual(opened);
    expect(await two.read({ refreshToken })).toEqual(opened);
    expect((await two.refresh({ refreshToken, protocols, attempt })).outcome).toBe('rotated');
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
      tokens.push((await replica.refresh({ refreshToken: tokens.at(-1) as string, protocols, attempt })).refreshToken);
    const { link: _link, ...below } = link({ clientId, subject: request.subject, origin: null, originUntil: null });
    await one.open({ ...below, protocol: 'claim', credential: 'refresh', parentId: request.sessionId });

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
    const forged = new Credentials(parseKeyRing(key('k1')));
    const request = key002();
    await one.open(request);
    const { clientId, sessionId } = request;
    const refreshToken = forged.refreshToken({ clientId, sessionId, generation: 0 }, 'k1');
    expect(await one.close({ clientId, refreshToken, reason: 'revoked' })).toEqual({ closed: 0 });
    expect(await one.read({ clientId, sessionId })).not.toBeNull();
  });
});

describe('a subject that may keep so many sessions', () => {
  it('keeps the newest', async () => {
    const request = () => {
      const { link: _, ...asked } = link({ clientId, subject, origin: `ott:${randomUUID()}`, mostPerSubject: 10 });
      return { ...asked, protocol: 'custom-token' as const };
    };
    const [clientId, subject] = [newClient(), randomUUID()];
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
    const { link: _, ...asked } = link({ parentId: randomUUID(), mostPerSubject: 10 });
    const parsed = session.open.request.safeParse({ ...asked, protocol: 'custom-token' });
    expect(parsed.error?.issues.map(({ path }) => path)).toEqual([['mostPerSubject']]);
  });
});

describe('a credential that is not ours', () => {
  it('is refused without asking the database', async () => {
    const ended = await twoReplicas();
    await ended.end();
    const unreachable = service(ended.one, k1);
    const ours = new Credentials(parseKeyRing(k1)).cookie({ clientId: 'acme1234', sessionId: randomUUID() });
    await expect(unreachable.read({ cookie: ours })).rejects.toEqual(refusal('service.unavailable'));

    const forged = new Credentials(parseKeyRing(key('k1')));
    const name = { clientId: 'acme1234', sessionId: randomUUID() };
    expect(await unreachable.read({ cookie: forged.cookie(name) })).toBeNull();
    const refreshToken = forged.refreshToken({ ...name, generation: 0 }, 'k1');
    await expect(unreachable.refresh({ refreshToken, protocols, attempt })).rejects.toEqual(refusal('refresh.refused'));
  });
});
