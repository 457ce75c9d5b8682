import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { fromRevocationCursor, type RevocationPlace, toRevocationCursor } from './cursor.js';

const place = (given: Partial<RevocationPlace> = {}): RevocationPlace => ({
  of: 'sessions',
  until: '2026-11-20T11:20:00.123456Z',
  clientId: 'acme1234',
  name: randomUUID(),
  ...given,
});

describe('the cursor of the revocation set', () => {
  it.each([
    place(),
    place({ of: 'epochs' }),
    place({ of: 'epochs', name: 'key_abcdefghijkl' }),
    place({ clientId: 'a'.repeat(36) }),
  ])('says where a page ended: %o', (where) => {
    const cursor = toRevocationCursor(where);
    expect(fromRevocationCursor(cursor)).toEqual(where);
    expect(cursor.length).toBeLessThanOrEqual(256);
  });

  it.each([
    '',
    'x',
    toRevocationCursor(place({ name: 'key_abcdefghijkl' })),
    toRevocationCursor(place({ until: '2026-13-40T99:99:99.000000Z' })),
    toRevocationCursor(place({ until: '-infinity' })),
    toRevocationCursor(place({ clientId: 'A' })),
    toRevocationCursor(place({ of: 'epochs', name: '' })),
    `${toRevocationCursor(place())}=`,
    `${toRevocationCursor(place())}!`,
  ])('is nothing that was not given out: %s', (cursor) => {
    expect(fromRevocationCursor(cursor)).toBeNull();
  });
});
