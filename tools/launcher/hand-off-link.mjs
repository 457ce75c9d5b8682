import { createHmac, randomUUID } from 'node:crypto';

const LIFE_SECONDS = 3600;

/** A hand-off link as a partner's backend makes one: HS256 over the client's link secret, good for an hour and one sign-in. */
export function handOffLink({ gateway, clientId, linkSecret, user, callbackPath }) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { ...user, iat: now, exp: now + LIFE_SECONDS, jti: randomUUID() };
  const link = new URL('/api/link', gateway);
  link.searchParams.set('userToken', signed(claims, linkSecret));
  link.searchParams.set('clientId', clientId);
  if (callbackPath !== undefined) link.searchParams.set('callbackPath', callbackPath);
  return link.href;
}

/** The key is the secret's characters as UTF-8, as every JWT library takes it. */
function signed(claims, linkSecret) {
  const content = [{ alg: 'HS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${content}.${createHmac('sha256', linkSecret).update(content).digest('base64url')}`;
}
