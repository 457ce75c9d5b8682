import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ed25519Key, isGenuine, readJwt } from './jwt.js';

const issuer = 'https://id.example.com';
const now = 1_800_000_000;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const key = ed25519Key(String(publicKey.export({ format: 'jwk' }).x));

const head = { alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' };
const body = {
  iss: issuer,
  aud: issuer,
  sub: randomUUID(),
  client_id: 'client01',
  scope: '',
  sid: randomUUID(),
  iat: now - 10,
  exp: now + 10,
  jti: randomUUID(),
};
const encoded = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const token = (header: unknown = head, claims: unknown = body) => {
  const input = `${encoded(header)}.${encoded(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
};
const isAccepted = (text: string) => {
  const read = readJwt(text);
  return read?.kind === 'access' && isGenuine(read, key, issuer);
};

describe('an access token', () => {
  it('of ours is accepted', () => {
    expect(isAccepted(token())).toBe(true);
    expect(readJwt(token())?.claims).toMatchObject({ client_id: 'client01', sid: body.sid });
  });

  it.each([
    ['alg none', { ...head, alg: 'none' }, body],
    ['HS256', { ...head, alg: 'HS256' }, body],
    ['Ed25519 by another name', { ...head, alg: 'ed25519' }, body],
    ['another kind', { ...head, typ: 'sdk+jwt' }, body],
    ['no kind', { alg: 'EdDSA', kid: 'k1' }, body],
    ['no kid', { alg: 'EdDSA', typ: 'at+jwt' }, body],
    ['a jwk in the header', { ...head, jwk: {} }, body],
    ['a jku', { ...head, jku: 'https://evil.example' }, body],
    ['crit', { ...head, crit: ['exp'] }, body],
    ['another issuer', head, { ...body, iss: 'https://id.example.com.evil.example' }],
    ['an audience list', head, { ...body, aud: [issuer] }],
    ['no exp', head, { ...body, exp: undefined }],
    ['exp as text', head, { ...body, exp: String(now + 10) }],
    ['an infinite exp', head, JSON.stringify(body).replace(String(now + 10), '1e999')],
    ['a fraction', head, { ...body, exp: now + 10.5 }],
    ['no session', head, { ...body, sid: undefined }],
    ['a session that is no UUID', head, { ...body, sid: '../x' }],
    ['no object', head, '[]'],
    ['a byte order mark', head, `\ufeff${JSON.stringify(body)}`],
  ])('with %s is refused', (_name, header, claims) => {
    expect(isAccepted(token(header, claims))).toBe(false);
  });

  it('that was changed is refused', () => {
    const [header, , signature] = token().split('.');
    expect(isAccepted(`${header}.${encoded({ ...body, client_id: 'client02' })}.${signature}`)).toBe(false);
    expect(isAccepted(`${token().slice(0, -4)}AAAA`)).toBe(false);
  });

  it('signed by somebody else is refused', () => {
    const input = `${encoded(head)}.${encoded(body)}`;
    const other = sign(null, Buffer.from(input), generateKeyPairSync('ed25519').privateKey).toString('base64url');
    expect(isAccepted(`${input}.${other}`)).toBe(false);
  });

  it.each([
    ['', 'nothing'],
    ['a.b', 'two segments'],
    [`${token()}.x`, 'four segments'],
    [`${token()}=`, 'padding'],
    [` ${token()}`, 'a space'],
    [`${token()}\n`, 'a line end'],
    [token().replace(/\.[^.]*$/, '.'), 'no signature'],
    [token().replaceAll('.', '..'), 'empty segments'],
    [`${token()}${'A'.repeat(10_000)}`, 'too much'],
  ])('is strictly compact (%#: %s)', (text) => {
    expect(isAccepted(text)).toBe(false);
  });
});
