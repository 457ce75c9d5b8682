import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Fact, NewFact } from '#contracts/fact';
import { raisedBy } from './epoch.js';

const [userId, other] = [randomUUID(), randomUUID()];
const keyId = 'abcdefghijkl';
const clientId = 'acme1234';

type Told = Pick<NewFact, 'type' | 'body'>;

const fact = (told: Told): Fact => ({
  id: randomUUID(),
  clientId,
  subject: `user/${userId}`,
  at: new Date().toISOString(),
  traceparent: null,
  ...told,
});

describe('the epoch a fact raises', () => {
  it.each<{ told: Told; epoch: { subject: string | null; least: number } }>([
    { told: { type: 'user.suspended', body: { userId, epoch: 2 } }, epoch: { subject: userId, least: 2 } },
    {
      told: { type: 'user.password_changed', body: { userId, epoch: 2, change: 'set' } },
      epoch: { subject: userId, least: 2 },
    },
    { told: { type: 'user.erased', body: { userId, epoch: 3 } }, epoch: { subject: userId, least: 3 } },
    {
      told: { type: 'user.merged', body: { from: userId, into: other, epoch: 4 } },
      epoch: { subject: userId, least: 4 },
    },
    {
      told: { type: 'user.merged', body: { from: userId, into: userId, epoch: 1 } },
      epoch: { subject: userId, least: 1 },
    },
    { told: { type: 'client.suspended', body: { epoch: 5 } }, epoch: { subject: null, least: 5 } },
    { told: { type: 'key.deleted', body: { keyId, epoch: 1 } }, epoch: { subject: `key_${keyId}`, least: 1 } },
  ])('$told', ({ told, epoch }) => {
    expect(raisedBy(fact(told))).toEqual({ clientId, ...epoch });
  });

  it.each<Told>([
    { type: 'user.restored', body: { userId } },
    { type: 'client.restored', body: {} },
    { type: 'key.rotated', body: { keyId, successor: 'mnopqrstuvwx' } },
  ])('is none: %o', (told) => {
    expect(raisedBy(fact(told))).toBeNull();
  });

  it('is not guessed where the fact does not say it', () => {
    const half = { type: 'user.suspended', body: { userId } } as unknown as Told;
    expect(() => raisedBy(fact(half))).toThrow();
  });
});
