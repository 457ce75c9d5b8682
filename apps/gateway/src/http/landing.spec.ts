import { describe, expect, it } from '@jest/globals';
import { landing, withParameters } from './landing.js';

const here = { landingUrl: '/home', callbackPaths: [], redirectUrls: [] };
const there = { landingUrl: 'https://portal.example.com/start', callbackPaths: [], redirectUrls: [] };

describe('landing', () => {
  it('is the client’s landingUrl where nothing else is asked for', () => {
    expect(landing(undefined, here)).toEqual({ location: '/home', callback: 'none' });
    expect(landing(undefined, there)).toEqual({ location: there.landingUrl, callback: 'none' });
  });

  it.each([
    ['/x', '/x'],
    ['/', '/'],
    ['/a/b?c=d#e', '/a/b?c=d#e'],
    ['/a/../b', '/b'],
    ['/a/./b/', '/a/b/'],
    ['/caf\u00e9?q=\u00fc', '/caf%C3%A9?q=%C3%BC'],
    ['/with%20space', '/with%20space'],
    ['/50%25', '/50%25'],
    ['/a//b', '/a//b'],
    ['/a:b@c', '/a:b@c'],
    ['/next?to=https://other.example/%0d%0a', '/next?to=https://other.example/%0d%0a'],
    ['/q?u=//evil.example', '/q?u=//evil.example'],
    ['/javascript:alert(1)', '/javascript:alert(1)'],
    ['/?', '/'],
  ])('takes %s', (path, location) => {
    expect(landing(path, here)).toEqual({ location, callback: 'taken' });
  });

  it('resolves against the origin of the landing', () => {
    expect(landing('/x?y#z', there)).toEqual({ location: 'https://portal.example.com/x?y#z', callback: 'taken' });
  });

  const refused = [
    // Another host, said in every way a browser understands (S-40; the CVEs of the requirements, 1.3)
    '//evil.example',
    '///evil.example',
    '////evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '\\/evil.example',
    '/\\/evil.example',
    '//\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '/\r/evil.example',
    '\t//evil.example',
    ' //evil.example',
    '/ /evil.example',
    '//evil.example/%2f..',
    '//user@evil.example',
    '//evil.example:80',
    '//[::1]',
    '//google%E3%80%82com',
    '//evil\u3002example',
    '/\u0000/evil.example',
    '/\u00a0/evil.example',
    '/\u2028/evil.example',
    '/\u200b/evil.example',
    '/\ufeff//evil.example',
    // Dot segments that leave two slashes at the front
    '/..//evil.example',
    '/.//evil.example',
    '/a/..//evil.example',
    '/%2e%2e//evil.example',
    '/%2e//evil.example',
    '/./\\evil.example',
    '/a/../..//evil.example',
    '/.%2e//evil.example',
    // Encoded slashes, backslashes and dots, for those behind us who decode once more
    '/%2fevil.example',
    '/%2Fevil.example',
    '/%5cevil.example',
    '/%5Cevil.example',
    '/%2f%2fevil.example',
    '/%252fevil.example',
    '/%25252fevil.example',
    '/%255cevil.example',
    '/%2e%2e%2f%2fevil.example',
    '/a/..%2f..%2f/evil.example',
    '/a%2f..%2f..%2fb',
    '/%c0%afevil.example',
    '/%c0%ae%c0%ae/x',
    '/%ff',
    '/%',
    '/%zz',
    '/%u002fevil.example',
    '/x%5c..%5cy',
    // Header injection
    '/x\r\nSet-Cookie: a=b',
    '/x%0d%0aSet-Cookie:%20a=b',
    '/x%0aLocation:%20https://evil.example',
    '/x\u0085y',
    '/%00',
    '/x%09y',
    '/%250a',
    // Absolute URLs and other schemes
    'https://evil.example',
    'http:evil.example',
    'https:/evil.example',
    'https:evil.example',
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'blob:https://segue.invalid/x',
    'file:///etc/passwd',
    'about:blank',
    'mailto:x@evil.example',
    '@evil.example',
    ':80',
    '.evil.example',
    'evil.example',
    'x',
    '',
    '?x',
    '#x',
    '?//evil.example',
    '*',
    '//segue.invalid/x',
    'https://segue.invalid/x',
    '//portal.example.com/x',
    'https://portal.example.com/x',
    // Neither text nor a sensible length
    '/\ud800',
    `/${'a'.repeat(2048)}`,
    '/a b',
    '/a\\b',
    '/a\u007fb',
  ];

  it.each(refused)('refuses %j and lands where the client says', (path) => {
    expect(landing(path, here)).toEqual({ location: '/home', callback: 'refused' });
    expect(landing(path, there)).toEqual({ location: there.landingUrl, callback: 'refused' });
  });

  it('leaves only a location that a browser resolves to the landing’s own origin', () => {
    for (const path of [...refused, '/x', '/a?b#c', '/..', '/...', '/%2525']) {
      expect(new URL(landing(path, here).location, 'https://id.example.com/api/link').origin).toBe(
        'https://id.example.com',
      );
      expect(new URL(landing(path, there).location).origin).toBe('https://portal.example.com');
      expect(landing(path, here).location).toMatch(/^[\x21-\x7e]+$/);
    }
  });

  describe('with redirectUrls', () => {
    const registered = { ...here, redirectUrls: ['https://app.example.com/in?from=segue'] };

    it('takes exactly one of them', () => {
      const [location = ''] = registered.redirectUrls;
      expect(landing(location, registered)).toEqual({ location, callback: 'taken' });
      expect(landing('/x', registered)).toEqual({ location: '/x', callback: 'taken' });
    });

    it.each([
      'https://app.example.com/in',
      'https://app.example.com/in?from=segue&x',
      'https://app.example.com/in?from=segue#',
      'https://APP.example.com/in?from=segue',
      'https://app.example.com:443/in?from=segue',
      'http://app.example.com/in?from=segue',
      'https://app.example.com/../in?from=segue',
      ' https://app.example.com/in?from=segue',
    ])('refuses %s', (path) => {
      expect(landing(path, registered)).toEqual({ location: '/home', callback: 'refused' });
    });
  });

  describe('with callbackPaths', () => {
    const limited = { ...here, callbackPaths: ['/app', '/docs/'] };

    it.each(['/app', '/app/', '/app/x', '/app?x', '/app#x', '/docs/', '/docs/x', '/x/../app/y'])('takes %s', (path) => {
      expect(landing(path, limited).callback).toBe('taken');
    });

    it.each([
      '/',
      '/apple',
      '/docs',
      '/app/../admin',
      '/app/%2e%2e/admin',
      '/app/..%2fadmin',
      '/App',
      '/x?/app',
      '/%61pp',
    ])('refuses %s', (path) => {
      expect(landing(path, limited)).toEqual({ location: '/home', callback: 'refused' });
    });
  });
});

describe('withParameters', () => {
  it.each([
    ['/login', '/login?error=invalid_token'],
    ['/login?a=b#c', '/login?a=b&error=invalid_token#c'],
    ['https://app.example.com/in?error=old', 'https://app.example.com/in?error=invalid_token'],
  ])('adds to %s', (target, result) => {
    expect(withParameters(target, { error: 'invalid_token' })).toBe(result);
  });
});
