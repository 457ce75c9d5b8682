import { createHmac } from 'node:crypto';

/** What one operation of each flow is, whatever the system. */
export const titles = {
  F1: 'API key in; access token and stored refresh token out',
  F2: 'refresh token in; its successor and a new access token out',
  F3: 'one-time token: issued, then landed with (two requests)',
  F4: 'API Link: verified, user written, session opened, 303',
  F5: 'a request authorised by an access token seen before',
  'F5-first': 'a request authorised by an access token never seen before',
};

/** @throws Error unless a reply is the right one */
export function expect(right, value) {
  if (!right) throw new Error('a wrong reply');
  return value;
}

/** So many tokens a connection gets before it may show them, each once. */
const stocked = 100;

/**
 * The loop of F5: authorised by one token again and again.
 * @param {{ auth: string, verify: (access: string) => string, pairOf: (status: number, body: string) => object }} wire
 */
export function repeated({ auth, verify, pairOf }) {
  let access;
  return {
    ready: () => access !== undefined,
    next: () => (access ? verify(access) : auth),
    on(status, _head, body) {
      if (access) return expect(status === 204, true);
      access = pairOf(status, body).access_token;
      return false;
    },
  };
}

/** The loop of F5-first: a stock of tokens is fetched beforehand, and each is shown once. */
export function firstSight({ auth, verify, pairOf }) {
  const stock = [];
  let isFetching = true;
  return {
    ready: () => !isFetching,
    next: () => (isFetching ? auth : verify(stock.at(-1))),
    on(status, _head, body) {
      if (isFetching) {
        stock.push(pairOf(status, body).access_token);
        isFetching = stock.length < stocked;
        return false;
      }
      stock.pop();
      isFetching = stock.length === 0;
      return expect(status === 204, true);
    },
  };
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const header = encoded({ alg: 'HS256', typ: 'JWT' });

/**
 * A user token as a partner's backend signs it; nine of ten are of users who have been here before: ten of the connection,
 * or, where so many are said to be there, any of the `population`.
 */
export function userToken(secret, connection, count, population = 0) {
  const now = Math.floor(Date.now() / 1000);
  const userId = count % 10 === 0 ? `new-${process.pid}-${connection}-${count}` : known(connection, count, population);
  const claims = { userId, email: `${userId}@example.com`, username: `User ${userId}`, locale: 'en' };
  const input = `${header}.${encoded({ ...claims, iat: now, exp: now + 300, jti: `${process.pid}-${connection}-${count}` })}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

function known(connection, count, population) {
  return population > 0 ? `user-${1 + Math.floor(Math.random() * population)}` : `known-${connection}-${count % 10}`;
}
