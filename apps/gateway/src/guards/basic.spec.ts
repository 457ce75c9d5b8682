import { describe, expect, it } from '@jest/globals';
import { basicOf } from './basic.js';

const of = (authorization?: string) => basicOf({ headers: authorization === undefined ? {} : { authorization } });
const pair = (text: string | Buffer) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('the pair of Authorization: Basic', () => {
  it.each([
    ['user:pass', 'user', 'pass'],
    [':pass', '', 'pass'],
    ['user:', 'user', ''],
    ['user:with:colons', 'user', 'with:colons'],
    ['a%5Fb+c:d%3Ae', 'a_b c', 'd:e'],
  ])('of %s is read', (text, user, password) => expect(of(pair(text))).toEqual({ user, password }));

  it('is read whatever the case of the scheme', () => {
    expect(of(pair('a:b').replace('Basic', 'bAsIc  '))).toEqual({ user: 'a', password: 'b' });
  });

  it.each([undefined, '', 'Basic', 'Basic !', 'Bearer YTpi', pair('no colon'), pair('a:%zz'), `${pair('a:b')} c`])(
    'is not there in %s',
    (authorization) => expect(of(authorization)).toBeUndefined(),
  );
});
