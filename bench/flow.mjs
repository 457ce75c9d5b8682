import { createHmac } from 'node:crypto';

/** What one operation of each flow is, whatever the system. */
export const titles = {
  F1: 'API key in; access token and stored refresh token out',
  F2: 'refresh token in; its successor and a new access token out',
  F3: 'one-time token: issued, then landed with (two requests)',
  F4: 'API Link: verified, user written, session opened, 303',
  F5: 'a request authorised by an access token seen before',
};

/** @throws Error unless a reply is the right one */
export function expect(right, value) {
  if (!right) throw new Error('a wrong reply');
  return value;
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const header = encoded({ alg: 'HS256', typ: 'JWT' });

/** A user token as a partner's backend signs it; of ten users of a connection nine have been here before. */
export function userToken(secret, connection, count) {
  const now = Math.floor(Date.now() / 1000);
  const userId = count % 10 === 0 ? `new-${process.pid}-${connection}-${count}` : `known-${connection}-${count % 10}`;
  const claims = { userId, email: `${userId}@example.com`, username: `User ${connection}`, locale: 'en' };
  const input = `${header}.${encoded({ ...claims, iat: now, exp: now + 300, jti: `${process.pid}-${connection}-${count}` })}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}
