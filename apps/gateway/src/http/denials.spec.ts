import { describe, expect, it } from '@jest/globals';
import { type Fact, facts } from '#contracts/fact';
import { createLog } from '#log/log';
import { Denials } from './denials.js';

const log = createLog({ service: 'gateway', level: 'silent' });
const denial = (address: string) => ({ clientId: '_', route: 'GET /api/link', reason: 'limit.exceeded', address });

describe('denials', () => {
  it('are counted and stated once for each who and what', async () => {
    const stated: Fact[] = [];
    const denials = new Denials({ publish: async (fact) => void stated.push(fact) }, log);
    for (const address of ['a', 'b', 'a', 'a']) denials.note(denial(address));
    await denials.beforeApplicationShutdown();
    expect(stated.map(({ type, subject, body }) => [type, subject, body])).toEqual([
      ['request.denied', 'address/a', { route: 'GET /api/link', reason: 'limit.exceeded', address: 'a', count: 3 }],
      ['request.denied', 'address/b', { route: 'GET /api/link', reason: 'limit.exceeded', address: 'b', count: 1 }],
    ]);
    for (const { body } of stated) expect(facts['request.denied'].safeParse(body).success).toBe(true);
  });

  it('of a flood of addresses are counted together', async () => {
    const stated: Fact<'request.denied'>[] = [];
    const denials = new Denials({ publish: async (fact) => void stated.push(fact as Fact<'request.denied'>) }, log);
    for (let index = 0; index < 5_000; index++) denials.note(denial(`address${index}`));
    await denials.beforeApplicationShutdown();
    expect(stated.length).toBeLessThanOrEqual(1_001);
    expect(stated.reduce((sum, { body }) => sum + body.count, 0)).toBe(5_000);
  });

  it('that cannot be stated are let go', async () => {
    const denials = new Denials({ publish: () => Promise.reject(new Error('no NATS')) }, log);
    denials.note(denial('a'));
    await expect(denials.beforeApplicationShutdown()).resolves.toBeUndefined();
  });
});
