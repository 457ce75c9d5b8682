// Protocol 001 in the browser: a page gets its tokens from its own backend. The module runs in Node just as well.
// With `npm start` running: node docs/protocols/examples/browser-sdk.mjs
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createClient } from '../../../dist/browser/segue.js';

const { SEGUE_URL: gateway, SEGUE_ADMIN_KEY: adminKey } = process.env.SEGUE_URL ? process.env : fromRunFile();

const client = await admin('clients', { name: 'My app', settings: { features: { shortLivedToken: true } } });
const key = { name: 'backend', kind: 'private', scopes: ['tokens.issue'] };
const { key: privateKey } = await admin(`clients/${client.clientId}/api-keys`, key);
console.log(`1. The app is registered as ${client.clientId}, and its backend has a private key.`);

// The backend: it knows who is signed in, and asks for a token in their name.
let signedIn = 'user-42';
let asked = 0;
const backend = createServer(async (_request, response) => {
  asked += 1;
  if (!signedIn) return response.writeHead(401).end();
  const query = new URLSearchParams({ expiryMins: '60', extId: signedIn });
  const answer = await fetch(`${gateway}/api/clients/jwt/token?${query}`, { headers: { apikey: privateKey } });
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
});
backend.listen(0, '127.0.0.1');
await once(backend, 'listening');
const tokenUrl = `http://127.0.0.1:${backend.address().port}/api/segue-token`;

// The page.
const segue = createClient({ endpoint: gateway });
const refreshToken = async () => {
  const answer = await fetch(tokenUrl, { method: 'POST' });
  return answer.status === 401 ? null : (await answer.json()).token;
};
segue.registerRefreshToken(refreshToken);

const answers = await Promise.all(Array.from({ length: 5 }, () => segue.fetch('/v1/client')));
for (const answer of answers) assert.equal(answer.status, 200);
const caller = await answers[0].json();
assert.equal(caller.clientId, client.clientId);
assert.equal(caller.extId, 'user-42');
assert.equal(asked, 1);
console.log(`2. Five requests as ${caller.extId}, and the backend was asked for one token.`);

signedIn = undefined;
segue.registerRefreshToken(refreshToken);
await assert.rejects(segue.fetch('/v1/client'), { code: 'no_token' });
await assert.rejects(segue.fetch('/v1/client'), { code: 'no_token' });
assert.equal(asked, 2);
console.log('3. Nobody is signed in: the backend says so once, and is asked no more.');

backend.closeAllConnections();
backend.close();

async function admin(path, body) {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const answer = await fetch(`${gateway}/v1/admin/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 201, `POST ${path}`);
  return answer.json();
}

/** Where `npm start` says that everything listens. */
function fromRunFile() {
  const run = JSON.parse(readFileSync(new URL('../../../.dev/run.json', import.meta.url), 'utf8'));
  return { SEGUE_URL: run.gateway, SEGUE_ADMIN_KEY: run.adminKey };
}
