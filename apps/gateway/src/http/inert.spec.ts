import { describe, expect, it } from '@jest/globals';
import { isInert } from './inert.js';

describe('a GET that changes state', () => {
  it.each([
    ['a HEAD', 'HEAD', {}],
    ['a prefetch', 'GET', { 'sec-purpose': 'prefetch', 'sec-fetch-dest': 'document' }],
    ['a prerender', 'GET', { 'sec-purpose': 'prefetch;prerender', 'sec-fetch-dest': 'document' }],
    ['a prefetch of an older browser', 'GET', { purpose: 'prefetch' }],
    ['a prefetch of an older Firefox', 'GET', { 'x-moz': 'prefetch' }],
    ['a preview', 'GET', { 'x-purpose': 'preview' }],
    ['an image', 'GET', { 'sec-fetch-dest': 'image' }],
    ['a frame', 'GET', { 'sec-fetch-dest': 'iframe' }],
    ['a script that fetches', 'GET', { 'sec-fetch-dest': 'empty' }],
  ])('does nothing for %s', (_name, method, headers) => {
    expect(isInert(method, headers)).toBe(true);
  });

  it('is left to the route for a frame where clients may be embedded, and for nothing else', () => {
    expect(isInert('GET', { 'sec-fetch-dest': 'iframe' }, true)).toBe(false);
    expect(isInert('GET', { 'sec-fetch-dest': 'iframe', 'sec-purpose': 'prefetch' }, true)).toBe(true);
    for (const destination of ['frame', 'embed', 'object', 'image', 'empty', 'IFRAME', ''])
      expect(isInert('GET', { 'sec-fetch-dest': destination }, true)).toBe(true);
  });

  it.each([
    ['a navigation', { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' }],
    ['a client that says nothing', {}],
    ['fetch of Node, which sends a mode and no destination', { 'sec-fetch-mode': 'cors' }],
  ])('works for %s', (_name, headers) => {
    expect(isInert('GET', headers)).toBe(false);
  });
});
