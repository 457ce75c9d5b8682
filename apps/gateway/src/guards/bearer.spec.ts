import { describe, expect, it } from '@jest/globals';
import { bearerOf } from './bearer.js';

const of = (authorization: string | undefined) =>
  bearerOf({ headers: authorization === undefined ? {} : { authorization } });

describe('a bearer token', () => {
  it.each([['Bearer abc'], ['bearer abc'], ['Bearer  abc '], ['BEARER abc']])('is read from "%s"', (header) => {
    expect(of(header)).toBe('abc');
  });

  it.each([
    [undefined],
    [''],
    ['Bearer'],
    ['Bearer '],
    ['abc'],
    ['Basic abc'],
    ['Bearer a b'],
    ['Bearer a,b'],
    ['XBearer abc'],
  ])('is absent in "%s"', (header) => expect(of(header)).toBeUndefined());
});
