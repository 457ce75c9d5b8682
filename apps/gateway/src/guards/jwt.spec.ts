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
    ['nothing', ''],
    ['two segments', 'a.b'],
    ['four segments', `${token()}.x`],
    ['padding', `${token()}=`],
    ['a space', ` ${token()}`],
    ['a line end', `${token()}\n`],
    ['no signature', token().replace(/\.[^.]*$/, '.')],
    ['empty segments', token().replaceAll('.', '..')],
    ['too much', `${token()}${'A'.repeat(10_000)}`],
  ])('is strictly compact: with %s it is refused', (_name, text) => {
    expect(isAccepted(text)).toBe(false);
  });
});

/** RFC 8032; S-57. */
describe('a signature', () => {
  /** The order of the group: a signature with S + L is the same equation, and must not be another valid token. */
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const input = `${encoded(head)}.${encoded(body)}`;
  const valid = sign(null, Buffer.from(input), privateKey);
  const [r, s] = [valid.subarray(0, 32), valid.subarray(32)];
  const littleEndian = (bytes: Buffer) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const scalar = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
  const identity = Buffer.from(`01${'00'.repeat(31)}`, 'hex');
  const isTaken = (signature: Buffer, by = key) => {
    const read = readJwt(`${input}.${signature.toString('base64url')}`);
    return read !== null && isGenuine(read, by, issuer);
  };

  it('of the RFC (section 7.1, test 2) fits', () => {
    const rfcKey = ed25519Key(
      Buffer.from('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', 'hex').toString('base64url'),
    );
    const signature = Buffer.from(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
      'hex',
    );
    const read = readJwt(token());
    expect(read && isGenuine({ ...read, signed: Buffer.from([0x72]), signature }, rfcKey, issuer)).toBe(true);
    expect(read && isGenuine({ ...read, signed: Buffer.from([0x73]), signature }, rfcKey, issuer)).toBe(false);
  });

  it('of ours is taken', () => expect(isTaken(valid)).toBe(true));

  const forged: [string, Buffer][] = [
    ['with S + L', Buffer.concat([r, scalar(littleEndian(s) + order)])],
    ['with S + 2 L', Buffer.concat([r, scalar(littleEndian(s) + 2n * order)])],
    ['with S negated', Buffer.concat([r, scalar(order - littleEndian(s))])],
    ['without S', Buffer.concat([r, Buffer.alloc(32)])],
    ['without R', Buffer.concat([Buffer.alloc(32), s])],
    ['of zeros', Buffer.alloc(64)],
    ['of ones', Buffer.alloc(64, 0xff)],
    ['with the identity for R, and no S', Buffer.concat([identity, Buffer.alloc(32)])],
    ['with the sign of R turned', Buffer.concat([r.subarray(0, 31), Buffer.from([(r[31] ?? 0) ^ 0x80]), s])],
    ['with its halves exchanged', Buffer.concat([s, r])],
    ['cut short', valid.subarray(0, 63)],
    ['that goes on', Buffer.concat([valid, Buffer.alloc(1)])],
    ['twice', Buffer.concat([valid, valid])],
    ['of one byte', Buffer.from([1])],
  ];
  it.each(forged)('%s is refused', (_name, signature) => expect(isTaken(signature)).toBe(false));
});
