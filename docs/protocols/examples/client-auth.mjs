// Protocol 002: a program signs in with its API key, and goes on with a refresh token.
// With `npm start` running: node docs/protocols/examples/client-auth.mjs
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';

const { SEGUE_URL: gateway, SEGUE_ADMIN_KEY: adminKey } = process.env.SEGUE_URL ? process.env : fromRunFile();

const { clientId } = await admin('POST', 'clients', { name: 'My integration' });
const keys = `clients/${clientId}/api-keys`;
const { key, keyId } = await admin('POST', keys, {
  name: 'nightly',
  kind: 'private',
  scopes: ['orders.read', 'orders.write'],
});
console.log(`1. The integration is registered as ${clientId} and has a key.`);

const first = await ok(post('/v1/auth', { scope: 'orders.read' }, { 'x-api-key': key }));
assert.deepEqual([first.token_type, first.scope], ['Bearer', 'orders.read']);
assert.deepEqual([first.expires_in, first.refresh_expires_in], [14 * 86_400, 15 * 86_400]);
console.log(`2. It signs in for ${first.expires_in / 86_400} days with the scope it needs: ${first.scope}.`);

const standing = await ok(get(first.access_token));
assert.deepEqual([standing.active, standing.client_id], [true, clientId]);
console.log('3. Its access token is active.');

const second = await ok(post('/v1/auth/refresh', { refresh_token: first.refresh_token }));
const again = await ok(post('/v1/auth/refresh', { refresh_token: first.refresh_token }));
assert.notEqual(second.refresh_token, first.refresh_token);
assert.equal(again.refresh_token, second.refresh_token);
console.log('4. POST: a new pair. Whoever lost the answer asks again, and gets the same refresh token.');

const third = await ok(get(second.refresh_token));
assert.notEqual(third.refresh_token, second.refresh_token);
console.log('5. GET with the refresh token: the same.');

const traced = await trace(third.refresh_token);
assert.deepEqual([traced.status, traced.connection], [200, 'close']);
const fourth = traced.body;
console.log('6. TRACE: the same. fetch can’t send it, node:http can.');

const stolen = await post('/v1/auth/refresh', { refresh_token: first.refresh_token });
assert.equal(stolen.status, 401);
assert.equal((await stolen.json()).error, 'invalid_grant');
const dead = await post('/v1/auth/refresh', { refresh_token: fourth.refresh_token });
assert.equal(dead.status, 401);
console.log('7. A refresh token that was used long before comes again: somebody has stolen it, so the session ends.');

const anew = await ok(post('/v1/auth', { api_key: key }));
await admin('DELETE', `${keys}/${keyId}`);
await until(async () => (await get(anew.access_token)).status === 401);
const late = await post('/v1/auth', { api_key: key });
assert.equal((await late.json()).error, 'invalid_client');
console.log('8. The key is deleted: its access tokens are refused within five seconds.');

function post(path, body, headers = {}) {
  const sent = { 'content-type': 'application/json', ...headers };
  return fetch(gateway + path, { method: 'POST', headers: sent, body: JSON.stringify(body) });
}

function get(token) {
  return fetch(`${gateway}/v1/auth`, { headers: { authorization: `Bearer ${token}` } });
}

function trace(token) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const sent = request(`${gateway}/v1/auth`, { method: 'TRACE', headers }, async (answer) => {
      const chunks = await answer.toArray();
      const body = JSON.parse(Buffer.concat(chunks).toString());
      resolve({ status: answer.statusCode, connection: answer.headers.connection, body });
    });
    sent.on('error', reject).end();
  });
}

async function ok(answer) {
  const { status } = await answer;
  assert.equal(status, 200);
  return (await answer).json();
}

async function admin(method, path, body) {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const answer = await fetch(`${gateway}/v1/admin/${path}`, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

/** What was revoked is refused everywhere within five seconds. */
async function until(isSo) {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it did not happen within five seconds');
}

/** What `npm start` has written down. */
function fromRunFile() {
  const { gateway, adminKey } = JSON.parse(readFileSync('.dev/run.json', 'utf8'));
  return { SEGUE_URL: gateway, SEGUE_ADMIN_KEY: adminKey };
}
