import { describe, expect, it } from '@jest/globals';
import { credentialIn, toSessionSecret } from './session-secret.js';

const credential = `segue_ss_${'x'.repeat(100)}`;
const wrap = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');

describe('the secret of a session', () => {
  it.each(['u-42', 'Ünïcode', '👩‍🚀'.repeat(25), '"\\'.repeat(64)])('carries the id of its user: %s', (id) => {
    const secret = toSessionSecret(id, credential);
    expect(JSON.parse(Buffer.from(secret, 'base64').toString())).toEqual({ id, secret: credential });
    expect(credentialIn(secret)).toBe(credential);
  });

  it.each([
    undefined,
    '',
    credential,
    'e30=',
    wrap(null),
    wrap(credential),
    wrap({ secret: credential }),
    wrap({ id: 7, secret: credential }),
    wrap({ id: 'x', secret: 'segue_rt_x' }),
    wrap({ id: 'x', secret: `${credential}${'x'.repeat(200)}` }),
    wrap({ id: 'x'.repeat(3000), secret: credential }),
  ])('is nothing else: %#', (text) => {
    expect(credentialIn(text)).toBeUndefined();
  });
});
