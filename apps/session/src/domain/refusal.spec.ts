import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { facts } from '#contracts/fact';
import { adviceOn, type RefreshRefusal, refreshRefusals } from '#contracts/refusal';
import { openRefused, refreshRefused } from './refusal.js';

const attempt = { support: 'abcdefghij', address: '0123456789abcdef' };
const clientId = 'acme1234';
const subject = randomUUID();

describe('an opening that was refused', () => {
  it.each([
    ['claim', 'landing'],
    ['one-time', 'one-time'],
    ['custom-token', 'custom-token'],
  ] as const)('of %s is a %s token that opened nothing', (protocol, purpose) => {
    const asked = { clientId, subject, protocol, origin: 'ott:x', attempt };
    const reasons = { spent: 'replayed', stale: 'changed', orphaned: 'parent_ended' } as const;
    for (const outcome of ['spent', 'stale', 'orphaned'] as const) {
      const refusal = openRefused(asked, outcome);
      expect(refusal).toEqual({
        type: 'token.claim_failed',
        clientId,
        subject: `attempt/${attempt.support}`,
        body: { purpose, reason: reasons[outcome], ...attempt },
      });
      facts['token.claim_failed'].parse(refusal?.body);
      expect(adviceOn('token.claim_failed', reasons[outcome])).toBeDefined();
    }
  });

  it.each([
    ['one-time', null],
    ['custom-token', null],
    ['client-auth', null],
    ['anonymous', null],
  ] as const)('of %s without a token is none', (protocol, origin) => {
    for (const outcome of ['spent', 'stale', 'orphaned'] as const)
      expect(openRefused({ clientId, subject, protocol, origin, attempt }, outcome)).toBeNull();
  });
});

describe('a refresh that was refused', () => {
  it.each(Object.keys(refreshRefusals) as RefreshRefusal[])('for being %s can be told and helped', (reason) => {
    const presented = { clientId, sessionId: randomUUID(), generation: 3 };
    const refusal = refreshRefused(presented, reason, attempt);
    facts['session.refresh_refused'].parse(refusal.body);
    expect(refusal).toEqual({
      type: 'session.refresh_refused',
      clientId,
      subject: `attempt/${attempt.support}`,
      body: { reason, sessionId: presented.sessionId, ...attempt },
    });
    expect(adviceOn(refusal.type, reason)).toBe(refreshRefusals[reason]);
  });

  it('by a text that is no token of ours is of no client', () => {
    const refusal = refreshRefused(null, 'malformed', attempt);
    expect(refusal).toEqual({
      type: 'session.refresh_refused',
      clientId: '_',
      subject: `attempt/${attempt.support}`,
      body: { reason: 'malformed', ...attempt },
    });
  });
});
