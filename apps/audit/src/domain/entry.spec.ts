import { describe, expect, it } from '@jest/globals';
import type { Fact } from '#contracts/fact';
import { entryOf, MalformedFact } from './entry.js';

const fact: Fact = {
  id: '0198c0de-0000-7000-8000-000000000001',
  type: 'client.suspended',
  clientId: 'acme0001',
  subject: 'client/acme0001',
  at: '2026-01-31T13:00:00.123456+01:00',
  traceparent: null,
  body: {},
};

const with_ = (changed: Record<string, unknown>) => ({ ...fact, ...changed }) as unknown as Fact;

describe('entryOf', () => {
  it('keeps a fact, its time as UTC milliseconds', () => {
    expect(entryOf(fact)).toEqual({ ...fact, at: '2026-01-31T12:00:00.123Z' });
  });

  it('keeps a type it has never heard of', () => {
    expect(entryOf(with_({ type: 'user.sneezed', body: { loudly: true } }))).toMatchObject({ type: 'user.sneezed' });
  });

  it.each([
    { clientId: 'ACME' },
    { clientId: undefined },
    { id: '' },
    { id: 'a\nb' },
    { type: 'x'.repeat(257) },
    { subject: '\ud800' },
    { traceparent: undefined },
    { at: 'yesterday' },
    { at: '2026-01-31T12:00:00' },
    { at: '2026-13-31T12:00:00Z' },
    { body: null },
    { body: [] },
  ])('refuses %j', (changed) => {
    expect(() => entryOf(with_(changed))).toThrow(MalformedFact);
  });
});
