import { parse } from 'node:querystring';
import { describe, expect, it } from '@jest/globals';
import { isSingleValued } from './single-valued.js';

describe('parameters', () => {
  it.each(['', 'a=1', 'a=1&b=2', 'a=&b', 'a=%5B%5D'])('are single-valued: %s', (query) => {
    expect(isSingleValued(parse(query))).toBe(true);
  });

  it.each(['a=1&a=2', 'a=1&%61=2', 'a[]=1', 'a%5B%5D=1', 'a[b]=1', 'a[0]=1', 'a.b=1', 'a]=1', '[a=1'])(
    'are not: %s',
    (query) => {
      expect(isSingleValued(parse(query))).toBe(false);
    },
  );

  it('may be absent', () => {
    expect(isSingleValued(undefined)).toBe(true);
  });
});
