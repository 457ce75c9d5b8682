// What Segue's own routes do with a session: claim, read, verify, refresh, introspect, revoke.
// With `npm start` running: node docs/protocols/examples/native.mjs
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { SEGUE_URL: gateway, SEGUE_ADMIN_KEY: adminKey } = process.env.SEGUE_URL ? process.env : fromRunFile();

const settings = { landingUrl: 'https://portal.example.com/start' };
const { clientId, linkSecret } = await admin('clients', { name: 'My portal', settings });
const backend = { name: 'backend', kind: 'private', scopes: ['sessions.write'] };
const { key } = await admin(`clients/${clientId}/api-keys`, backend);
console.log(`1. The portal is registered as ${clientId}, and its backend has a private key.`);

const landing = await fetch(linkFor({ userId: 'u-42', username: 'Ada' }), { redirect: 'manual' });
assert.equal(landing.status, 303);
const code = new URL(landing.headers.get('location')).searchParams.get('code');
console.log('2. A link lands at the portal with a code.');

const claimed = await ok(post('/v1/session/claim', { code }, `Bearer ${key}`));
assert.equal(claimed.user.externalId, 'u-42');
console.log(`3. The backend claims it: an access token for ${claimed.expiresIn} s, and a refresh token.`);

const verified = await verify(claimed.accessToken);
assert.equal(verified.status, 204);
assert.equal(verified.headers.get('x-user-id'), claimed.user.userId);
console.log(`4. A proxy is told whose it is: ${verified.headers.get('x-user-id')}.`);

const renewed = await ok(post('/v1/session/refresh', { refreshToken: claimed.refreshToken }));
assert.notEqual(renewed.refreshToken, claimed.refreshToken);
console.log('5. The refresh token becomes its successor.');

const metadata = await ok(fetch(`${gateway}/.well-known/oauth-authorization-server`));
const answer = await ok(standard(metadata.introspection_endpoint, renewed.accessToken));
assert.deepEqual([answer.active, answer.token_use, answer.sub], [true, 'access', claimed.user.userId]);
console.log(`6. Introspection: active until ${new Date(answer.exp * 1000).toISOString()}.`);

const revoked = await standard(metadata.revocation_endpoint, renewed.refreshToken);
assert.equal(revoked.status, 200);
await eventually(async () => (await verify(renewed.accessToken)).status === 401);
assert.deepEqual(await ok(standard(metadata.introspection_endpoint, renewed.accessToken)), { active: false });
console.log('7. Revoked: the session is over, with every token of it.');

/** The link of a user: a JWT, HS256 over the client's link secret. */
function linkFor(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const iat = Math.floor(Date.now() / 1000);
  const input = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ ...claims, iat, exp: iat + 3600 })}`;
  const userToken = `${input}.${createHmac('sha256', linkSecret.secret).update(input).digest('base64url')}`;
  return `${gateway}/api/link?${new URLSearchParams({ userToken, clientId })}`;
}

function verify(accessToken) {
  return fetch(`${gateway}/v1/verify`, { headers: { authorization: `Bearer ${accessToken}` } });
}

/** RFC 7662 and RFC 7009: a form, by a client that proves itself. */
function standard(endpoint, token) {
  const authorization = `Basic ${btoa(`${clientId}:${key}`)}`;
  return fetch(endpoint, { method: 'POST', headers: { authorization }, body: new URLSearchParams({ token }) });
}

function post(path, body, authorization) {
  const headers = { 'content-type': 'application/json', ...(authorization && { authorization }) };
  return fetch(`${gateway}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

function admin(path, body) {
  return ok(post(`/v1/admin/${path}`, body, `Bearer ${adminKey}`));
}

async function ok(answered) {
  const answer = await answered;
  assert.ok(answer.ok, `${answer.url}: ${answer.status}`);
  return answer.json();
}

/** A revocation reaches every gateway within a moment. */
async function eventually(isThere) {
  for (let tries = 0; tries < 100 && !(await isThere()); tries += 1) await new Promise((next) => setTimeout(next, 50));
  assert.ok(await isThere());
}

/** Where `npm start` says that everything listens. */
function fromRunFile() {
  const run = JSON.parse(readFileSync(new URL('../../../.dev/run.json', import.meta.url), 'utf8'));
  return { SEGUE_URL: run.gateway, SEGUE_ADMIN_KEY: run.adminKey };
}
