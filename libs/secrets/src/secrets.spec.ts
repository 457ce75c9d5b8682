import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { base62ToNumber, base62ToUuid, fromBase62, numberToBase62, toBase62, uuidToBase62 } from './base62.js';
import { checksum, equalInConstantTime } from './digest.js';
import { parseKeyRing } from './key-ring.js';
import { bytesForIds, hexForIds, randomBase62, uuidv7 } from './random.js';
import { seal, unseal } from './seal.js';

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;

describe('base62', () => {
  it('round-trips bytes at a fixed width', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        const text = toBase62(bytes);
        expect(text).toHaveLength(Math.ceil((bytes.length * 8) / Math.log2(62)));
        expect(fromBase62(text, bytes.length)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('is what dividing one large number by 62 gives', () => {
    const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    const defined = (bytes: Uint8Array) => {
      let text = '';
      let rest = BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
      for (; text.length < Math.ceil((bytes.length * 8) / Math.log2(62)); rest /= 62n)
        text = alphabet.charAt(Number(rest % 62n)) + text;
      return text;
    };
    const edges = [0, 1, 61, 62, 255].map((byte) => fc.constant(byte));
    const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), ...edges);
    fc.assert(
      fc.property(fc.array(byte, { minLength: 1, maxLength: 72 }), (numbers) => {
        const bytes = Uint8Array.from(numbers);
        expect(toBase62(bytes)).toBe(defined(bytes));
        expect(fromBase62(defined(bytes), bytes.length)).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  it('has one text for each value, and refuses what is larger than its bytes hold', () => {
    const digit = fc.constantFrom(...'0Az9Zm');
    const digits = fc.array(digit, { minLength: 54, maxLength: 54 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), digits, (length, longest) => {
        const text = longest.slice(0, Math.ceil((length * 8) / Math.log2(62))).join('');
        const bytes = fromBase62(text, length);
        if (bytes) expect(toBase62(bytes)).toBe(text);
        else expect(text > toBase62(Buffer.alloc(length, 255))).toBe(true);
      }),
    );
    expect(fromBase62('z'.repeat(43), 32)).toBeNull();
    expect(() => toBase62(Buffer.alloc(257))).toThrow(RangeError);
  });

  it('round-trips UUIDs and numbers', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.nat(), fc.maxSafeNat(), (uuid, number, large) => {
        expect(base62ToUuid(uuidToBase62(uuid))).toBe(uuid);
        expect(base62ToNumber(numberToBase62(number, 6))).toBe(number);
        expect(base62ToNumber(numberToBase62(large, 12))).toBe(large);
      }),
    );
    expect(base62ToNumber(numberToBase62(Number.MAX_SAFE_INTEGER, 9))).toBe(Number.MAX_SAFE_INTEGER);
    for (const text of ['', 'z'.repeat(9), '0-', '0é', '0'.repeat(257)]) expect(base62ToNumber(text)).toBeNull();
  });

  it.each(['', 'z'.repeat(22), '_'.repeat(22), '0'.repeat(21), '0'.repeat(23), `${'0'.repeat(21)}-`])(
    'refuses %j as a UUID',
    (text) => {
      expect(base62ToUuid(text)).toBeNull();
    },
  );

  it('keeps order: what is greater sorts later', () => {
    expect(numberToBase62(61, 2) < numberToBase62(62, 2)).toBe(true);
    for (const number of [62 ** 6, -1, Number.NaN]) expect(() => numberToBase62(number, 6)).toThrow(RangeError);
  });
});

describe('random', () => {
  it('takes every character equally often, bytes above 247 not at all', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const counts = new Map<string, number>();
    for (const character of randomBase62(248, () => bytes)) counts.set(character, (counts.get(character) ?? 0) + 1);
    expect(counts.size).toBe(62);
    expect(new Set(counts.values())).toEqual(new Set([4]));
  });

  it('makes UUIDs of version 7 that sort by time', () => {
    expect(uuidv7(1)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuidv7(1_000) < uuidv7(2_000)).toBe(true);
    expect(uuidv7(0x0123456789ab)).toMatch(/^01234567-89ab-7/);
  });

  it('gives the bytes of a block away once, and leaves them to whom it gave them', () => {
    const given = Array.from({ length: 2000 }, (_, index) => bytesForIds(16 + (index % 3)));
    const read = given.map((bytes) => bytes.toString('hex'));
    const made = Array.from({ length: 2000 }, () => [hexForIds(24), uuidv7(0)]).flat();
    expect(given.map((bytes) => bytes.toString('hex'))).toEqual(read);
    expect(new Set([...read, ...made]).size).toBe(6000);
    expect(given.map(({ length }) => length)).toEqual(given.map((_, index) => 16 + (index % 3)));
    expect(made[0]).toMatch(/^[0-9a-f]{48}$/);
    expect(bytesForIds(10_000)).toHaveLength(10_000);
  });

  it('leaves no bit of an id out', () => {
    const bytes = bytesForIds(4000);
    let seen = 0;
    for (const byte of bytes) seen |= byte;
    expect(seen).toBe(255);
    expect(new Set(bytes).size).toBe(256);
  });
});

describe('digest', () => {
  it('compares by content and length', () => {
    expect(equalInConstantTime(Buffer.from('ab'), Buffer.from('ab'))).toBe(true);
    expect(equalInConstantTime(Buffer.from('ab'), Buffer.from('ac'))).toBe(false);
    expect(equalInConstantTime(Buffer.from('ab'), Buffer.from('abc'))).toBe(false);
  });

  it('checksums in six characters that a typo changes', () => {
    expect(checksum('segue_sk_demo')).toHaveLength(6);
    expect(checksum('segue_sk_demo')).not.toBe(checksum('segue_sk_dem0'));
  });
});

describe('seal', () => {
  const old = key('k1');
  const ring = parseKeyRing(old);

  it('opens what it sealed, also after the key was rotated', () => {
    const sealed = seal(ring, 'hush', 'row/1');
    expect(sealed).not.toContain('hush');
    expect(unseal(parseKeyRing(`${key('k2')},${old}`), sealed, 'row/1')).toBe('hush');
  });

  it('refuses another context, another key and any changed byte', () => {
    const sealed = seal(ring, 'hush', 'row/1');
    expect(() => unseal(ring, sealed, 'row/2')).toThrow();
    expect(() => unseal(parseKeyRing(key('k1')), sealed, 'row/1')).toThrow();
    expect(() => unseal(parseKeyRing(key('k9')), sealed, 'row/1')).toThrow(/ring/);
    for (let at = 3; at < sealed.length - 1; at += 1) {
      const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
      expect(() => unseal(ring, changed, 'row/1')).toThrow();
    }
  });

  it.each(['', 'k1', 'k1:short', `${old},${old}`, 'K1:AAAA'])('refuses the key ring %#', (text) => {
    expect(() => parseKeyRing(text)).toThrow();
  });
});
