import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import type { Answer } from '../../support/http.js';
import { Project } from '../../support/project.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

type Part = Parameters<Stack['signal']>[0];

describe('protocol 003, while a part is down', () => {
  let stack: Stack;
  let project: Project;
  const paused = new Set<Part>();

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false });
    project = await Project.register(new Admin(stack));
    await project.addUser('ada');
  }, startMs);
  afterAll(() => stack?.stop());
  afterEach(() => resume());

  const pause = (part: Part) => {
    stack.signal(part, 'SIGSTOP');
    paused.add(part);
  };
  const resume = () => {
    for (const part of paused) stack.signal(part, 'SIGCONT');
    paused.clear();
  };
  const expectDown = (answer: Answer, outcome: 'unknown' | 'not_executed') => {
    expect([answer.status, answer.headers['segue-outcome']]).toEqual([503, outcome]);
    expect(answer.headers).toHaveProperty('retry-after');
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.json()).toEqual({
      message: expect.any(String),
      code: 503,
      type: 'general_server_error',
      version: '1.0.0',
    });
  };

  it('a secret whose session nobody can tell of is lost, and the answer says so', async () => {
    const secret = await project.secretOf('ada', { length: 32 });
    pause('session');
    const answer = await project.redeem('ada', secret);
    expectDown(answer, 'unknown');
    expect(answer.cookies).toEqual([]);
    resume();
    expect((await project.redeem('ada', secret)).status).toBe(401);
  }, 15_000);

  it('no secret is taken while Redis is away: nobody guesses meanwhile', async () => {
    const secret = await project.secretOf('ada', { length: 32 });
    pause('Redis');
    expectDown(await project.redeem('ada', secret), 'not_executed');
    resume();
    await sleep(1_500);
    expect((await project.redeem('ada', secret)).status).toBe(201);
  }, 15_000);

  it('users and their accounts are out of reach without identity', async () => {
    const { secret } = await project.signIn('ada');
    pause('identity');
    expectDown(await project.backend('POST', 'users/ada/tokens'), 'unknown');
    expectDown(await project.as(secret, 'GET', 'account'), 'unknown');
  }, 15_000);
});
