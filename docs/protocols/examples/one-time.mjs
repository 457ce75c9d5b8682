// Protocol 004: a user signs in with a password; one-time tokens take the session into a browser and another program.
// With `npm start` running: node docs/protocols/examples/one-time.mjs
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { SEGUE_URL: gateway, SEGUE_ADMIN_KEY: adminKey } = process.env.SEGUE_URL ? process.env : fromRunFile();

const client = await admin('POST', 'clients', { name: 'My portal', settings: { landingUrl: '/demo' } });
const password = `correct horse ${randomUUID()}`;
const user = await admin('POST', `clients/${client.clientId}/users`, { email: 'ada@example.com', password });
console.log(`1. The portal is registered as ${client.clientId}, and ${user.email} has a password there.`);

const signIn = await token({ grant_type: 'password', username: user.email, password, client_id: 'my-app' });
assert.equal(signIn.status, 200);
const first = await signIn.json();
assert.equal(first.token_type, 'bearer');
console.log(`2. She signs in: a bearer token for ${first.expires_in} seconds.`);

const refreshed = await token({ grant_type: 'refresh_token', refresh_token: first.refresh_token, client_id: 'my-app' });
assert.equal(refreshed.status, 200);
const { access_token: bearer, refresh_token } = await refreshed.json();
const stranger = await token({ grant_type: 'refresh_token', refresh_token, client_id: 'another-app' });
assert.equal(stranger.status, 400);
assert.equal((await stranger.json()).error, 'invalid_grant');
console.log('3. Her app refreshes it; another app with her refresh token is refused.');

const t = await oneTimeToken();
const landing = await fetch(`${gateway}/user/login?server=true&t=${t}&redirectUrl=/demo`, { redirect: 'manual' });
assert.equal(landing.status, 303);
assert.equal(landing.headers.get('location'), '/demo');
const cookie = landing.headers.get('set-cookie').split(';')[0];
assert.equal((await session({ cookie })).user.userId, user.userId);
console.log('4. A one-time token in an address signs her browser in, and lands on /demo.');

const again = await exchange(t, 60);
assert.equal(again.status, 401);
console.log('5. The same token is refused at the other door: it is spent.');

const exchanged = await exchange(await oneTimeToken(), 60);
assert.equal(exchanged.status, 200);
const { token: accessToken, expires_in } = await exchanged.json();
assert.equal(expires_in, 3600);
assert.equal((await session({ authorization: `Bearer ${accessToken}` })).user.userId, user.userId);
console.log(`6. Another one becomes a bearer token for ${expires_in} seconds.`);

const media = await fetch(`${gateway}/api/auth/media/customer`, { headers: { authorization: `Bearer ${bearer}` } });
const { jwt } = await media.json();
assert.equal((await fetch(`${gateway}/v1/media/verify?t=${jwt}`)).status, 204);
assert.equal((await fetch(`${gateway}/v1/media/verify?t=${bearer}`)).status, 401);
console.log('7. A media token opens files, and nothing else does.');

const signOut = await fetch(`${gateway}/v1/session`, {
  method: 'DELETE',
  headers: { authorization: `Bearer ${bearer}` },
});
assert.equal(signOut.status, 204);
const after = await fetch(`${gateway}/v1/session`, { headers: { cookie } });
assert.equal(after.status, 401);
console.log('8. She signs out, and what hung on her session has ended with it.');

function token(fields) {
  const headers = { 'x-client-id': client.clientId };
  return fetch(`${gateway}/api/token`, { method: 'POST', headers, body: new URLSearchParams(fields) });
}

async function oneTimeToken() {
  const headers = { authorization: `Bearer ${bearer}` };
  const answer = await fetch(`${gateway}/api/sys/users/token/refresh`, { method: 'POST', headers });
  const { WasSuccessful, Value, Status } = await answer.json();
  assert.deepEqual([answer.status, WasSuccessful, Status], [200, true, 200]);
  return Value;
}

function exchange(value, minutes) {
  const query = new URLSearchParams({ token: value, validForInMinutes: minutes });
  return fetch(`${gateway}/api/sys/users/exchange?${query}`, { method: 'POST' });
}

async function session(headers) {
  const answer = await fetch(`${gateway}/v1/session`, { headers });
  assert.equal(answer.status, 200);
  return answer.json();
}

async function admin(method, path, body) {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const answer = await fetch(`${gateway}/v1/admin/${path}`, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

/** Where `npm start` says that everything listens. */
function fromRunFile() {
  const run = JSON.parse(readFileSync(new URL('../../../.dev/run.json', import.meta.url), 'utf8'));
  return { SEGUE_URL: run.gateway, SEGUE_ADMIN_KEY: run.adminKey };
}
