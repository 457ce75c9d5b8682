import { describe, expect, it } from '@jest/globals';
import { hostsOf, hostTrouble } from './hosts.js';

const ours = hostsOf('https://id.example.com');
const message = (url: string, ...hosts: string[]) => ({
  url,
  httpVersion: '1.1',
  rawHeaders: ['Accept', 'host', ...hosts.flatMap((host) => ['Host', host])],
  headers: hosts[0] === undefined ? {} : { host: hosts[0] },
});

describe('the host of a request', () => {
  it.each(['id.example.com', 'ID.example.com', 'id.example.com:443'])('is ours: %s', (host) => {
    expect(hostTrouble(message('/x', host), ours)).toBeNull();
  });

  it.each(['evil.example', 'id.example.com:8080', 'id.example.com.evil.example', 'x@id.example.com', ''])(
    'is not: "%s"',
    (host) => {
      expect(hostTrouble(message('/x', host), ours)).toBe('unknown');
    },
  );

  it('is missing', () => {
    expect(hostTrouble(message('/x'), null)).toBe('ambiguous');
    expect(hostTrouble({ ...message('/x'), httpVersion: '1.0' }, null)).toBeNull();
    expect(hostTrouble({ ...message('/x'), httpVersion: '1.0' }, ours)).toBe('unknown');
  });

  it('is anybody’s where none is configured', () => {
    expect(hostTrouble(message('/x', 'evil.example'), null)).toBeNull();
  });

  it('is said once', () => {
    expect(hostTrouble(message('/x', 'id.example.com', 'id.example.com'), null)).toBe('ambiguous');
  });

  it.each([
    ['http://id.example.com/x', 'id.example.com', null],
    ['http://id.example.com/x', 'id.example.com:80', null],
    ['http://evil.example/x', 'id.example.com', 'ambiguous'],
    ['http://x@id.example.com.evil.example/', 'id.example.com', 'ambiguous'],
    ['x', 'id.example.com', 'ambiguous'],
    ['*', 'id.example.com', null],
  ])('agrees with an absolute target: %s to %s', (target, host, trouble) => {
    expect(hostTrouble(message(target, host), null)).toBe(trouble);
  });
});
