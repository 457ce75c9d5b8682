import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type Session, standing } from './session.js';

const [ann, bob] = [randomUUID(), randomUUID()];
const session = (protocol: Session['protocol']): Session => ({
  clientId: 'acme1234',
  sessionId: randomUUID(),
  subject: ann,
  protocol,
  scopes: [],
  createdAt: new Date(0),
  authenticatedAt: new Date(0),
  expiresAt: new Date(1),
});

describe('the session a browser came with', () => {
  it.each([
    ['api-link', bob, 'confirm', 'asked'],
    ['api-link', bob, 'replace', 'replaced'],
    ['api-link', ann, 'confirm', 'replaced'],
    ['anonymous', bob, 'confirm', 'replaced'],
    ['anonymous', ann, 'replace', 'replaced'],
    ['custom-token', ann, 'replace', 'kept'],
    ['custom-token', bob, 'confirm', 'kept'],
  ] as const)(
    'of protocol %s, when %s signs in and the client wants %s, is %s',
    (protocol, subject, switchUser, fate) => {
      expect(standing({ session: session(protocol), carries: false }, { subject, switchUser })).toBe(fate);
    },
  );

  it('is kept when the new one hangs on it', () => {
    const presented = { session: session('one-time'), carries: true };
    for (const switchUser of ['confirm', 'replace'] as const)
      expect(standing(presented, { subject: ann, switchUser })).toBe('kept');
  });
});
