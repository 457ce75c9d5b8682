import { describe, expect, it } from '@jest/globals';
import type { Fact, NewFact } from '#contracts/fact';
import { session } from '#contracts/session';
import { metrics } from '#metrics/metrics';
import { countAsk, countFact, countServed } from './tally.js';

const fact = (stated: NewFact): Fact =>
  ({ id: 'x', at: '2026-11-20T10:00:00.000Z', traceparent: null, ...stated }) as Fact;
const refused = (more: object) =>
  fact({
    type: 'link.refused',
    clientId: 'acmeacme',
    subject: 'link/x',
    body: { support: 'x', reason: 'expired', address: 'x', ...more },
  });
const refusals = (type: string, reason: string) => metrics.refusals.of({ type, reason }).value;

describe('counting', () => {
  it('tells asks apart by verb and outcome, on either side', () => {
    countAsk(session.open, 'ok');
    countAsk(session.open, 'ok');
    countAsk(session.open, 'service.silent');
    countServed(session.open, 'ok', 3);
    countServed(session.open, 'internal', 3);
    const verb = 'session.open';
    expect(metrics.asks.of({ verb, outcome: 'ok' }).value).toBe(2);
    expect(metrics.asks.of({ verb, outcome: 'service.silent' }).value).toBe(1);
    expect(metrics.served.of({ verb, outcome: 'ok' }).value).toBe(1);
    expect(metrics.served.of({ verb, outcome: 'internal' }).value).toBe(1);
    expect(metrics.serving.of({ verb }).sum).toBeCloseTo(0.006);
  });

  it('counts a refusal as often as its fact says', () => {
    countFact(refused({}));
    countFact(refused({ count: 40 }));
    expect(metrics.facts.of({ type: 'link.refused' }).value).toBe(2);
    expect(refusals('link.refused', 'expired')).toBe(41);
  });

  it('takes no reason that is none of ours as a label', () => {
    countFact(refused({ reason: 'said by somebody: <canary>' }));
    expect(refusals('link.refused', 'other')).toBe(1);
  });

  it('does not take an end for a refusal', () => {
    const body = { sessionId: 's', userId: 'u', protocol: 'api-link', reason: 'admin' } as const;
    countFact(fact({ type: 'session.closed', clientId: 'acmeacme', subject: 'session/s', body }));
    expect(metrics.facts.of({ type: 'session.closed' }).value).toBe(1);
    expect([...metrics.refusals.series()].map(({ labels }) => labels.type)).not.toContain('session.closed');
  });
});
