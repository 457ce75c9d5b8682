import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { eventually } from '../../support/eventually.js';
import type { Answer } from '../../support/http.js';
import { Project } from '../../support/project.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

let stack: Stack;
let admin: Admin;
let project: Project;
let other: Project;
let people = 0;
let userId: string;

beforeAll(async () => {
  // The budgets of guesses stand behind the limit of an address, which is not what is looked at here.
  stack = await startStack({ env: { LIMITS: 'custom-token=100000/1h' } });
  admin = new Admin(stack);
  project = await Project.register(admin);
  other = await Project.register(admin);
}, startMs);
afterAll(() => stack?.stop());
beforeEach(async () => {
  people += 1;
  userId = `user-${people}`;
  await Promise.all([project.addUser(userId), other.addUser(userId)]);
});

const wrong = (secret: string) => secret.replaceAll(/./g, (digit) => (digit === '0' ? '1' : '0'));

describe('a secret', () => {
  it('that cannot be redeemed is refused in the same words, whatever the reason', async () => {
    const live = await project.secretOf(userId);
    const replaced = await project.secretOf(userId);
    const used = await project.secretOf(userId);
    expect((await project.redeem(userId, used)).status).toBe(201);

    const locked = await project.secretOf(userId);
    const answers: Record<string, Answer> = {
      replaced: await project.redeem(userId, live),
      'replaced, too': await project.redeem(userId, replaced),
      used: await project.redeem(userId, used),
      'of nobody': await project.redeem('nobody', locked),
      malformed: await project.redeem(userId, 'no hex'),
      'in upper case': await project.redeem(userId, 'ABCDEF'),
      'with white space': await project.redeem(userId, ` ${locked}`),
      long: await project.redeem(userId, 'f'.repeat(64)),
      "of another project's user": await other.redeem(userId, locked),
    };
    for (let nth = 0; nth < 5; nth += 1) answers[`wrong ${nth}`] = await project.redeem(userId, wrong(locked));
    answers['locked'] = await project.redeem(userId, locked);

    const shown = (answer: Answer | undefined) => {
      const { date, traceparent, ratelimit, 'x-ratelimit-remaining': remaining, ...headers } = answer?.headers ?? {};
      return { status: answer?.status, text: answer?.text, headers: { ...headers, 'x-ratelimit-reset': '' } };
    };
    const model = shown(answers['of nobody']);
    expect(model).toMatchObject({ status: 401, text: expect.stringContaining('"user_invalid_token"') });
    expect(model.text).toContain('Invalid token passed in the request.');
    for (const [reason, answer] of Object.entries(answers)) expect([reason, shown(answer)]).toEqual([reason, model]);

    // Whoever holds the admin key learns more.
    const refusals = { clientId: project.clientId, type: 'token.claim_failed' };
    const told = await admin.audit(refusals, Object.keys(answers).length - 1);
    expect([...new Set(told.map(({ reason }) => reason))].sort()).toEqual(['locked', 'malformed', 'wrong']);
    for (const { advice } of told) expect(advice).toEqual(expect.any(String));
  });

  it('opens one session for fifty who bring it at once', async () => {
    for (const length of [6, 32]) {
      const secret = await project.secretOf(userId, { length });
      const answers = await Promise.all(Array.from({ length: 50 }, () => project.redeem(userId, secret)));
      const won = answers.filter(({ status }) => status === 201);
      expect(won).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(49);
    }
    const { secret } = await project.signIn(userId);
    expect((await project.as(secret, 'GET', 'account/sessions')).json().total).toBe(3);
  });

  it('that is short is void once there is a newer one; a long one is not', async () => {
    const long = await project.secretOf(userId, { length: 32 });
    const first = await project.secretOf(userId);
    const second = await project.secretOf(userId);
    expect((await project.redeem(userId, first)).status).toBe(401);
    expect((await project.redeem(userId, second)).status).toBe(201);
    expect((await project.redeem(userId, long)).status).toBe(201);
  });

  it('of five wrong guesses is locked; a new one and a long one still sign in', async () => {
    const long = await project.secretOf(userId, { length: 32 });
    const locked = await project.secretOf(userId);
    for (let nth = 0; nth < 5; nth += 1) await project.redeem(userId, wrong(locked));
    expect((await project.redeem(userId, locked)).status).toBe(401);
    expect((await project.redeem(userId, long)).status).toBe(201);
    expect((await project.redeem(userId, await project.secretOf(userId))).status).toBe(201);
  });

  it('is of one user', async () => {
    await project.addUser(`${userId}-else`);
    const secret = await project.secretOf(userId, { length: 32 });
    expect((await project.redeem(`${userId}-else`, secret)).status).toBe(401);
    expect((await project.redeem(userId.toUpperCase(), secret)).status).toBe(401);
    expect((await project.redeem(userId, secret)).status).toBe(201);
  });

  it('of one who is suspended or erased meanwhile signs nobody in', async () => {
    const secrets = await Promise.all([1, 2].map(() => project.secretOf(userId, { length: 32 })));
    const { items } = await admin.get(`clients/${project.clientId}/users?externalId=${userId}`);
    const path = `clients/${project.clientId}/users/${items[0].userId}`;
    // Sessions hear of it a moment after the answer; then nothing opens on what was said before.
    const over = ({ secret }: { secret: string }) =>
      eventually(
        () => project.as(secret, 'DELETE', 'account/sessions/none'),
        ({ status }) => status === 401,
        5_000,
      );
    const before = await project.signIn(userId);
    await admin.send('POST', `${path}/suspend`);
    await over(before);
    expect((await project.redeem(userId, secrets[0] ?? '')).json().type).toBe('user_invalid_token');
    await admin.send('POST', `${path}/restore`);
    // The account has moved on: what was made before is void.
    expect((await project.redeem(userId, secrets[1] ?? '')).json().type).toBe('user_invalid_token');
    const again = await project.signIn(userId);
    const last = await project.secretOf(userId, { length: 32 });
    await admin.delete(path);
    await over(again);
    expect((await project.redeem(userId, last)).json().type).toBe('user_invalid_token');
  });

  it('reaches users that protocol 000 has made', async () => {
    const externalId = 'häns / 7';
    await admin.post(`clients/${project.clientId}/users`, { externalId });
    expect((await project.redeem(externalId, await project.secretOf(externalId))).json().userId).toBe(externalId);
  });
});

describe('the sessions of an account', () => {
  it('are ten at the most: the oldest makes room', async () => {
    const signedIn = [];
    for (let nth = 0; nth < 11; nth += 1) signedIn.push(await project.signIn(userId));
    const [oldest, ...rest] = signedIn;
    expect((await project.as(oldest?.secret ?? '', 'GET', 'account')).status).toBe(401);
    const list = (await project.as(rest[0]?.secret ?? '', 'GET', 'account/sessions')).json();
    expect(list.sessions.map(({ $id }: { $id: string }) => $id)).toEqual(rest.map(({ $id }) => $id).reverse());
  });
});

describe('two projects', () => {
  it('do not meet at a host that one of them lists', async () => {
    const host = 'login.example.com';
    await admin.patch(`clients/${other.clientId}`, { settings: { hosts: [host] } });
    const secret = await project.secretOf(userId, { length: 32 });
    const refused = await eventually(
      () => project.call('GET', 'account', { headers: { host } }),
      ({ status }) => status === 403,
    );
    expect(refused.json().type).toBe('general_unknown_origin');
    expect((await project.redeem(userId, secret, { host })).json().type).toBe('general_unknown_origin');
    expect((await project.redeem(userId, secret)).status).toBe(201);
  });

  it('never cross, with the same users and whatever they bring', async () => {
    const mine = await project.signIn(userId);
    const secret = await project.secretOf(userId, { length: 32 });
    const { jwt } = (await project.as(mine.secret, 'POST', 'account/jwts')).json();
    const cookie = `a_session_${other.clientId}=${encodeURIComponent(mine.secret)}`;
    const crossed = await Promise.all([
      other.as(mine.secret, 'GET', 'account'),
      other.as(mine.secret, 'DELETE', 'account/sessions'),
      other.as(mine.secret, 'DELETE', `account/sessions/${mine.$id}`),
      other.call('GET', 'account', { headers: { cookie } }),
      other.call('GET', 'account', { headers: { 'x-appwrite-jwt': jwt } }),
      other.redeem(userId, secret),
      other.call('GET', `users/${userId}`, { headers: { 'x-appwrite-key': project.key } }),
      other.call('POST', `users/${userId}/tokens`, { headers: { 'x-appwrite-key': project.key } }),
    ]);
    expect(crossed.map(({ status }) => status)).toEqual(crossed.map(() => 401));
    const theirs = await other.signIn(userId);
    const elsewhere = await other.as(theirs.secret, 'GET', `account/sessions/${mine.$id}`);
    expect(elsewhere.status).toBe(404);
    const foreign = await other.backend('POST', `users/${userId}/jwts`, { sessionId: mine.$id });
    expect(foreign.status).toBe(404);
    expect((await project.redeem(userId, secret)).status).toBe(201);
    expect((await project.as(mine.secret, 'GET', 'account')).status).toBe(200);
  });
});
