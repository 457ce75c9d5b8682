import { describe, expect, it } from '@jest/globals';
import { landing, withParameters } from './landing.js';
import { refusedTargets } from './landing.support.js';

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

  it.each(refusedTargets)('refuses %j and lands where the client says', (path) => {
    expect(landing(path, here)).toEqual({ location: '/home', callback: 'refused' });
    expect(landing(path, there)).toEqual({ location: there.landingUrl, callback: 'refused' });
  });

  it('leaves only a location that a browser resolves to the landing’s own origin', () => {
    for (const path of [...refusedTargets, '/x', '/a?b#c', '/..', '/...', '/%2525']) {
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
