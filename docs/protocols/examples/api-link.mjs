// Protocol 000: a partner's backend signs a link, a browser follows it and is signed in, once.
// With `npm start` running: node docs/protocols/examples/api-link.mjs
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { SEGUE_URL: gateway, SEGUE_ADMIN_KEY: adminKey } = process.env.SEGUE_URL ? process.env : fromRunFile();

const client = await admin('POST', 'clients', { name: 'My shop', settings: { landingUrl: '/demo' } });
console.log(`1. The shop is registered as ${client.clientId}.`);

const link = linkFor({ userId: 'u-42', username: 'Ada' }, client.clientId, client.linkSecret.secret);
const landing = await fetch(link, { redirect: 'manual' });
assert.equal(landing.status, 303);
assert.equal(landing.headers.get('location'), '/demo');
const cookie = landing.headers.get('set-cookie').split(';')[0];
console.log('2. The link lands on /demo with a session cookie.');

const session = await fetch(`${gateway}/v1/session`, { headers: { cookie } });
assert.equal(session.status, 200);
const { user } = await session.json();
assert.equal(user.externalId, 'u-42');
console.log(`3. ${user.username} is signed in as ${user.userId}.`);

const again = await fetch(link, { headers: { accept: 'application/json' }, redirect: 'manual' });
assert.equal(again.status, 401);
const { code, support } = await again.json();
assert.equal(code, 'invalid_token');
console.log(`4. Somebody else with the same link is refused: ${code}.`);

const [entry] = await eventually(async () => (await admin('GET', `audit?support=${support}`)).items);
assert.equal(entry.reason, 'replayed');
console.log(`5. The audit trail knows why: ${entry.reason}.`);

const signOut = await fetch(`${gateway}/v1/session`, { method: 'DELETE', headers: { cookie } });
assert.equal(signOut.status, 204);
console.log(`6. ${user.username} is signed out.`);

/** The link of a user: a JWT, HS256 over the client's link secret. */
function linkFor(claims, clientId, linkSecret) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const input = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ ...claims, iat: now, exp: now + 3600 })}`;
  const userToken = `${input}.${createHmac('sha256', linkSecret).update(input).digest('base64url')}`;
  return `${gateway}/api/link?${new URLSearchParams({ userToken, clientId })}`;
}

async function admin(method, path, body) {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const answer = await fetch(`${gateway}/v1/admin/${path}`, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

/** Facts reach the audit trail a moment after the answer. */
async function eventually(find) {
  for (let tries = 0; tries < 50; tries += 1) {
    const found = await find();
    if (found.length > 0) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return [];
}

/** Where `npm start` says that everything listens. */
function fromRunFile() {
  const run = JSON.parse(readFileSync(new URL('../../../.dev/run.json', import.meta.url), 'utf8'));
  return { SEGUE_URL: run.gateway, SEGUE_ADMIN_KEY: run.adminKey };
}
