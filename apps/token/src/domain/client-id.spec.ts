import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { isClientId, newClientId } from './client-id.js';
import { fromCursor, toCursor } from './cursor.js';

describe('a client id', () => {
  it('has sixteen characters whatever the randomness', () => {
    expect(newClientId(() => Buffer.alloc(10))).toBe('0000000000000000');
    expect(newClientId(() => Buffer.alloc(10, 0xff))).toHaveLength(16);
    expect(isClientId(newClientId(randomBytes))).toBe(true);
  });
});

describe('a cursor', () => {
  it('comes back as the client it was made of', () => {
    expect(fromCursor(toCursor('acme0001'))).toBe('acme0001');
  });
  it.each(['', 'acme0001', `${toCursor('acme0001')}=`, toCursor("a' OR 1=1"), toCursor('Acme0001'), '🦊'])(
    'is not %j',
    (text) => {
      expect(fromCursor(text)).toBeNull();
    },
  );
});
