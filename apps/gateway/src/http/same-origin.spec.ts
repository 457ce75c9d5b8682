import { describe, expect, it } from '@jest/globals';
import { isOwnPage } from './same-origin.js';

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
