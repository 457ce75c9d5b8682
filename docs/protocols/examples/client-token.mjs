// Protocol 001: a backend fetches a short-lived token with its private key; a page or an app carries it.
// With `npm start` running: node docs/protocols/examples/client-token.mjs
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { SEGUE_URL: gateway, SEGUE_ADMIN_KEY: adminKey } = process.env.SEGUE_URL ? process.env : fromRunFile();

const settings = { features: { shortLivedToken: true, publicKeyAuth: true } };
const { clientId } = await admin('POST', 'clients', { name: 'My shop', settings });
const keys = `clients/${clientId}/api-keys`;
const backend = await admin('POST', keys, { name: 'backend', kind: 'private', scopes: ['tokens.issue', 'cart.read'] });
const window = await admin('POST', keys, { name: 'shop window', kind: 'public', scopes: ['cart.read'] });
console.log(`1. The shop is registered as ${clientId}; its backend has a private key, its pages a public one.`);

const query = new URLSearchParams({ expiryMins: '30', extId: 'user-42' });
const minted = await fetch(`${gateway}/api/clients/jwt/token?${query}`, { headers: { apikey: backend.key } });
assert.equal(minted.status, 200);
const { token } = await minted.json();
console.log('2. The backend fetches a token of 30 minutes for user-42.');

const claims = await verified(token);
assert.equal(claims.ext, 'user-42');
assert.equal(claims.exp - claims.iat, 1800);
assert.equal(claims.client_id, clientId);
console.log(
  `3. Anybody verifies it by the published keys: it is for ${claims.ext}, with the scopes "${claims.scope}".`,
);

const caller = await waitFor(() => whoIs({ authorization: `Bearer ${token}` }), 200);
assert.deepEqual([caller.via, caller.extId, caller.scopes], ['token', 'user-42', ['cart.read']]);
console.log(`4. The SDK is known by its token until ${caller.expiresAt}.`);

const open = await waitFor(() => whoIs({ apikey: window.key }), 200);
assert.deepEqual([open.via, open.scopes], ['public_key', ['cart.read']]);
console.log('5. The pages are known by the public key.');

const mistake = await fetch(`${gateway}/api/clients/jwt/token`, {
  headers: { apikey: backend.key, origin: 'https://shop.example.com' },
});
assert.equal(mistake.status, 403);
console.log(`6. From a browser: ${(await mistake.json()).message}`);

await admin('DELETE', `${keys}/${backend.keyId}`);
const refused = await waitFor(() => whoIs({ authorization: `Bearer ${token}` }), 401);
console.log(`7. The key is deleted, and its tokens with it: ${refused.message}`);

function whoIs(headers) {
  return fetch(`${gateway}/v1/client`, { headers });
}

/** What a library does (jose, PyJWT, …): one algorithm, a key of ours, the right kind, issuer and audience. */
async function verified(token) {
  const [head, body, signature] = token.split('.');
  const { alg, typ, kid } = decoded(head);
  assert.deepEqual([alg, typ], ['EdDSA', 'sdk+jwt']);
  const { keys } = await (await fetch(`${gateway}/.well-known/jwks.json`)).json();
  const jwk = keys.find((key) => key.kid === kid);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  assert.ok(verify(null, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')));
  const claims = decoded(body);
  assert.deepEqual([claims.iss, claims.aud], [gateway, gateway]);
  return claims;
}

function decoded(part) {
  return JSON.parse(Buffer.from(part, 'base64url'));
}

async function admin(method, path, body) {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const answer = await fetch(`${gateway}/v1/admin/${path}`, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

/** A deleted key is refused everywhere within five seconds; a gateway that has just started says 503 for a moment. */
async function waitFor(ask, status) {
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await ask();
    if (answer.status === status) return answer.json();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no ${status} within five seconds`);
}

/** What `npm start` has written down. */
function fromRunFile() {
  const { gateway, adminKey } = JSON.parse(readFileSync('.dev/run.json', 'utf8'));
  return { SEGUE_URL: gateway, SEGUE_ADMIN_KEY: adminKey };
}
