import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { customTokenPlace, isCustomSecret, newCustomSecret, userHash } from './custom-token.js';

describe('the secret of a custom token', () => {
  it.each([5, 6, 7, 15, 16, 33, 128])('has %i hex digits', (length) => {
    const secret = newCustomSecret(length, randomBytes);
    expect(secret).toMatch(new RegExp(`^[0-9a-f]{${length}}$`));
    expect(isCustomSecret(secret)).toBe(true);
  });

  it('has every digit as often as any other, at every place (chi-square, 15 degrees of freedom)', () => {
    const secrets = Array.from({ length: 32_000 }, () => newCustomSecret(7, randomBytes));
    for (let place = 0; place < 7; place += 1) {
      const counts = new Map<string, number>();
      for (const secret of secrets) counts.set(secret.charAt(place), (counts.get(secret.charAt(place)) ?? 0) + 1);
      const expected = secrets.length / 16;
      const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      expect(counts.size).toBe(16);
      // exceeded by a fair one in one of ten million runs
      expect(chiSquare).toBeLessThan(63);
    }
  });

  it.each(['', '0000', 'abcde\n', 'ABCDEF', 'abcdeg', ' abcdef', 'a'.repeat(129), 'segue_ott_x'])(
    'is not %j',
    (text) => {
      expect(isCustomSecret(text)).toBe(false);
    },
  );
});

describe('the place of a custom token', () => {
  const pepper = randomBytes(32);
  const user = userHash('acme0000', 'käthe');
  const place = customTokenPlace(pepper, 'acme0000', user, 'abcdef');

  it('is its own for each pepper, client, user and secret', () => {
    const others = [
      customTokenPlace(randomBytes(32), 'acme0000', user, 'abcdef'),
      customTokenPlace(pepper, 'other000', user, 'abcdef'),
      customTokenPlace(pepper, 'acme0000', userHash('acme0000', 'Käthe'), 'abcdef'),
      customTokenPlace(pepper, 'acme0000', user, 'abcdee'),
    ];
    expect(new Set([place, ...others]).size).toBe(5);
    expect(customTokenPlace(pepper, 'acme0000', user, 'abcdef')).toBe(place);
  });

  it('tells neither the secret nor the user', () => {
    expect(place).toMatch(/^acme0000:[0-9A-Za-z_-]{43}:[0-9A-Za-z_-]{43}$/);
    expect(userHash('acme0000', 'u')).not.toEqual(userHash('other000', 'u'));
  });
});
