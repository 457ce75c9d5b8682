import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import type { Answer } from '../support/http.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

/** Passwords that may be computed or wait at once (`identity`): what is dearest is full first. */
const most = 63;

/** Each bound has a spec beside its code; here it is seen from outside. */
describe('more than can be done', () => {
  let stack: Stack;
  let admin: Admin;
  let users: string;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'admin=100000/1m' } });
    admin = new Admin(stack);
    users = `clients/${(await Partner.register(admin)).clientId}/users`;
  }, startMs);
  afterAll(() => stack?.stop());

  const timed = async (ask: () => Promise<Answer>) => {
    const began = performance.now();
    const answer = await ask();
    return { answer, took: performance.now() - began };
  };
  const create = (email: string) =>
    admin.send('POST', users, { body: { email, password: `correct horse ${randomUUID()}` } });

  it('is refused at once with 503, says that nothing was done, and has done nothing', async () => {
    const emails = Array.from({ length: 4 * most }, (_, index) => `u${index}@example.com`);
    const all = await Promise.all(emails.map(async (email) => ({ email, ...(await timed(() => create(email))) })));
    const made = all.filter(({ answer }) => answer.status === 201);
    const refused = all.filter(({ answer }) => answer.status === 503 && answer.json().code === 'service_busy');
    // Who was let in may wait for longer than an ask may take: what became of it is unknown.
    const late = all.filter(({ answer }) => answer.status === 503 && answer.json().outcome === 'unknown');
    expect(made.length).toBeGreaterThan(0);
    expect(refused.length).toBeGreaterThan(most);
    expect(made.length + refused.length + late.length).toBe(all.length);
    expect(made.length + late.length).toBeLessThan(all.length - most);

    for (const { answer } of refused) {
      expect(answer.headers).toMatchObject({
        'content-type': expect.stringMatching(/^application\/problem\+json/),
        'segue-outcome': 'not_executed',
        'retry-after': expect.stringMatching(/^\d+$/),
      });
      expect(answer.json()).toMatchObject({ status: 503, code: 'service_busy', outcome: 'not_executed' });
    }
    // Nobody waits in order to be refused.
    const middle = refused.map(({ took }) => took).sort((a, b) => a - b)[Math.floor(refused.length / 2)];
    expect(middle).toBeLessThan(Math.max(...made.map(({ took }) => took)));

    const again = refused.slice(0, 10).map(async ({ email }) => (await create(email)).status);
    expect(await Promise.all(again)).toEqual(Array(10).fill(201));
  }, 30_000);
});
