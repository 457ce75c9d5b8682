import { describe, expect, it } from '@jest/globals';
import { foreignOrigin, isOwnButton, isOwnPage } from './same-origin.js';

const own = 'https://id.example.com';

describe('a request with a cookie', () => {
  it.each([[{ 'sec-fetch-site': 'same-origin', origin: 'https://proxy.example.com' }], [{ origin: own }], [{}]])(
    'is ours: %o',
    (headers) => expect(isOwnPage(headers, own)).toBe(true),
  );

  it.each([
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site', origin: own }],
    [{ 'sec-fetch-site': 'none' }],
    [{ origin: 'null' }],
    [{ origin: 'https://id.example.com.evil.example' }],
    [{ origin: 'http://id.example.com' }],
  ])('is not: %o', (headers) => expect(isOwnPage(headers, own)).toBe(false));
});

describe('a button', () => {
  it('is ours only where the browser says so', () => {
    expect(isOwnButton({ 'sec-fetch-site': 'same-origin', origin: 'null' })).toBe(true);
    for (const headers of [{}, { origin: own }, { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'none' }])
      expect(isOwnButton(headers)).toBe(false);
  });
});

describe('the origin of a page that calls', () => {
  it.each([
    [{}, null],
    [{ origin: own }, null],
    [{ origin: 'null', 'sec-fetch-site': 'same-origin' }, null],
    [{ origin: 'null' }, 'null'],
    [{ origin: 'https://app.example.com', 'sec-fetch-site': 'same-site' }, 'https://app.example.com'],
  ])('of %o is %s', (headers, origin) => expect(foreignOrigin(headers, own)).toBe(origin));
});
