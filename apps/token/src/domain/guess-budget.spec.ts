import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { token } from '#contracts/token';
import { type Counted, chancesOfGuessing, guessBudget, locksBy, mostChance, type Recent } from './guess-budget.js';

describe('chancesOfGuessing', () => {
  it('is the arithmetic of the requirements for six digits', () => {
    const { secrets, token, user, client } = chancesOfGuessing(6);
    expect(secrets).toBe(16_777_216);
    expect(token).toBeCloseTo(2.98e-7, 9);
    expect(user.inARow).toBeCloseTo(5.96e-6, 8);
    expect(user.year).toBeCloseTo(6.5e-4, 5);
    expect(client.year).toBeCloseTo(0.022, 3);
  });

  it('and for ten', () => {
    const { user, client } = chancesOfGuessing(10);
    expect(user.year).toBeCloseTo(1e-8, 9);
    expect(client.year).toBeCloseTo(3.3e-7, 8);
  });

  it('is at most 1e-5 for every length that can be asked for, and would not be for one less (S-61)', () => {
    const asked = {
      purpose: 'custom-token',
      clientId: 'acme0000',
      userId: crypto.randomUUID(),
      externalId: 'u',
      epoch: 0,
    };
    fc.assert(
      fc.property(fc.integer({ min: -1, max: 300 }), (length) => {
        const accepted = token.offer.request.safeParse({ ...asked, length, ttlSeconds: 900 }).success;
        return !accepted || chancesOfGuessing(length).token <= mostChance;
      }),
      { numRuns: 302 },
    );
    expect(chancesOfGuessing(5).token).toBeLessThanOrEqual(mostChance);
    expect(chancesOfGuessing(4).token).toBeGreaterThan(mostChance);
  });

  it('falls with the length, and a user is hit no more often than any of the client', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 128 }), (length) => {
        const [chances, longer] = [chancesOfGuessing(length), chancesOfGuessing(length + 1)];
        expect(longer.token).toBe(chances.token / 16);
        expect(chances.user.year).toBeLessThanOrEqual(chances.client.year);
        expect(chances.token).toBeLessThanOrEqual(chances.user.day);
      }),
    );
  });
});

describe('locksBy', () => {
  const none: Recent = { hour: 1, hourFrom: new Date(0), day: 1, dayFrom: new Date(0) };
  const counted = (more: Partial<Counted> = {}): Counted => ({
    ...{ ofToken: 1, inARow: 1, ofUser: none, ofClient: none },
    ...more,
  });
  const { token: ofToken, user, client } = guessBudget;
  const hourFrom = new Date('2026-01-01T10:00:00Z');
  const dayFrom = new Date('2026-01-01T00:00:00Z');

  it('is nothing while budget is left, and nothing again beyond it', () => {
    expect(locksBy(counted())).toEqual([]);
    expect(locksBy(counted({ ofToken: ofToken.ever - 1, inARow: user.inARow - 1 }))).toEqual([]);
    expect(locksBy(counted({ ofToken: ofToken.ever + 1 }))).toEqual([]);
  });

  it('ends a token for good', () => {
    expect(locksBy(counted({ ofToken: ofToken.ever }))).toEqual([{ scope: 'token' }]);
  });

  it('locks a user until the first guess of the hour is an hour old, or of the day a day, whichever is later', () => {
    const ofUser = { hour: user.hour, hourFrom, day: 12, dayFrom };
    expect(locksBy(counted({ ofUser }))).toEqual([{ scope: 'user', until: new Date('2026-01-01T11:00:00Z') }]);
    const ofDay = { ...ofUser, day: user.day };
    expect(locksBy(counted({ ofUser: ofDay }))).toEqual([{ scope: 'user', until: new Date('2026-01-02T00:00:00Z') }]);
  });

  it('locks a user without an end after a hundred in a row, whatever the windows say', () => {
    const ofUser = { hour: user.hour, hourFrom, day: user.day, dayFrom };
    expect(locksBy(counted({ inARow: user.inARow, ofUser }))).toEqual([{ scope: 'user' }]);
  });

  it('locks a client by its windows, and all at once where all are spent', () => {
    const ofClient = { hour: client.hour, hourFrom, day: 200, dayFrom };
    const until = new Date('2026-01-01T11:00:00Z');
    expect(locksBy(counted({ ofClient }))).toEqual([{ scope: 'client', until }]);
    const ofUser = { hour: user.hour, hourFrom, day: 12, dayFrom };
    expect(locksBy({ ofToken: ofToken.ever, inARow: 7, ofUser, ofClient }).map(({ scope }) => scope)).toEqual([
      'token',
      'user',
      'client',
    ]);
  });
});
