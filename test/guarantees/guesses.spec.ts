import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { rowsOf } from '../support/database.js';
import { Project } from '../support/project.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

const burst = 500;

describe('guessing at short secrets, from as many addresses as anybody likes', () => {
  let stack: Stack;
  let admin: Admin;
  let project: Project;
  let addresses = 0;

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false, env: { TRUSTED_PROXIES: '127.0.0.1' } });
    // Guesses are counted for all processes together.
    await stack.addReplica('token');
    admin = new Admin(stack);
  }, startMs);
  afterAll(() => stack?.stop());
  beforeEach(async () => {
    project = await Project.register(admin);
  });

  /** By way of the proxy, each time from another place. */
  const redeem = (userId: string, secret: string) => {
    addresses += 1;
    const address = `10.${addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}`;
    return project.redeem(userId, secret, { 'x-forwarded-for': address });
  };
  /** Other secrets of the same length, each another one. */
  const guessesAt = (secret: string, count: number) =>
    Array.from({ length: count }, (_, nth) => {
      const digits = ((Number.parseInt(secret, 16) + nth + 1) % 16 ** secret.length).toString(16);
      return digits.padStart(secret.length, '0');
    });
  const evaluated = async () => {
    const rows = await rowsOf(stack, ['token.client_guesses']);
    const counts = rows['token.client_guesses'] as { client_id: string; evaluated: number }[];
    return counts.find(({ client_id }) => client_id === project.clientId)?.evaluated ?? 0;
  };
  /** Where a machine has too much to do, whoever guesses tries again. */
  const insist = async (userId: string, secret: string) => {
    for (;;) {
      const answer = await redeem(userId, secret);
      if (answer.status !== 503) return answer;
      await sleep(200);
    }
  };
  const storm = async (userId: string, secret: string, count = burst) => {
    const answers = await Promise.all(guessesAt(secret, count).map((guess) => insist(userId, guess)));
    return new Set(answers.map(({ status, text }) => `${status} ${text}`));
  };

  it('a burst of 500 at one secret is five guesses, and its user goes on with a new one', async () => {
    await project.addUser('ada');
    const long = await project.secretOf('ada', { length: 32 });
    const secret = await project.secretOf('ada');
    const answers = await storm('ada', secret);
    expect([...answers]).toEqual([expect.stringMatching(/^401 .*"user_invalid_token"/)]);
    expect(await evaluated()).toBe(5);
    // It is void, and says no more than a wrong one.
    expect((await redeem('ada', secret)).status).toBe(401);
    expect(await evaluated()).toBe(5);

    const fresh = await project.secretOf('ada');
    expect((await redeem('ada', fresh)).status).toBe(201);
    expect((await redeem('ada', long)).status).toBe(201);
    const [locked] = await admin.audit({ clientId: project.clientId, type: 'token.locked' });
    expect(locked).toMatchObject({ type: 'token.locked' });
  }, 60_000);

  it('new secrets give no more than ten guesses an hour at one user, who still has long ones', async () => {
    await project.addUser('bea');
    for (let nth = 0; nth < 4; nth += 1) await storm('bea', await project.secretOf('bea'), 20);
    expect(await evaluated()).toBe(10);
    expect((await redeem('bea', await project.secretOf('bea'))).status).toBe(401);
    expect((await redeem('bea', await project.secretOf('bea', { length: 16 }))).status).toBe(201);
    await project.addUser('cleo');
    expect((await redeem('cleo', await project.secretOf('cleo'))).status).toBe(201);
  }, 60_000);

  it('no number of users gives more than a hundred guesses an hour at one project', async () => {
    const users = Array.from({ length: 25 }, (_, nth) => `user-${nth}`);
    for (const user of users) await project.addUser(user);
    const secrets = await Promise.all(users.map((user) => project.secretOf(user)));
    await Promise.all(users.map((user, nth) => storm(user, secrets[nth] ?? '', 8)));
    expect(await evaluated()).toBe(100);
    await project.addUser('late');
    expect((await redeem('late', await project.secretOf('late'))).status).toBe(401);
    expect((await redeem('late', await project.secretOf('late', { length: 32 }))).status).toBe(201);

    const other = await Project.register(admin);
    await other.addUser('late');
    expect((await other.redeem('late', await other.secretOf('late'))).status).toBe(201);
  }, 60_000);

  it('invented users, and users without a live secret, spend nothing of the project', async () => {
    await project.addUser('dora');
    await project.redeem('dora', await project.secretOf('dora'));
    await Promise.all(Array.from({ length: 200 }, (_, nth) => redeem(`invented-${nth}`, 'abcdef')));
    await storm('dora', 'abcdef', 50);
    expect(await evaluated()).toBe(1);
  }, 60_000);

  it('what is right is no guess: signing in often locks nobody out', async () => {
    await project.addUser('emil');
    for (let nth = 0; nth < 40; nth += 1)
      expect((await redeem('emil', await project.secretOf('emil'))).status).toBe(201);
  }, 60_000);
});
