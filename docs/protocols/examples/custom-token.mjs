// Protocol 003: a backend makes a secret for one of its users, the user's app exchanges it for a session, once.
// It uses the published SDK of Appwrite as it is. With `npm start` running: node docs/protocols/examples/custom-token.mjs
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Account, Client, ID, Users } from 'node-appwrite';

const { SEGUE_URL: gateway, SEGUE_ADMIN_KEY: adminKey } = process.env.SEGUE_URL ? process.env : fromRunFile();

const { clientId } = await admin('POST', 'clients', { name: 'My app' });
const { key } = await admin('POST', `clients/${clientId}/api-keys`, {
  name: 'backend',
  kind: 'private',
  scopes: ['users.read', 'users.write', 'sessions.write'],
});
console.log(`1. The app is registered as ${clientId}, and its backend has a key.`);

const project = () => new Client().setEndpoint(`${gateway}/v1`).setProject(clientId);
const backend = project().setKey(key);

const users = new Users(backend);
const user = await users.create({ userId: ID.unique(), name: 'Ada' });
assert.equal(user.name, 'Ada');
console.log(`2. ${user.name} is a user: ${user.$id}.`);

// The backend has checked who this is: by a password, a fingerprint, another provider.
const token = await users.createToken({ userId: user.$id });
assert.match(token.secret, /^[0-9a-f]{6}$/);
console.log(`3. The backend has made a secret of ${token.secret.length} hex digits, good until ${token.expire}.`);

const session = await new Account(backend).createSession({ userId: user.$id, secret: token.secret });
assert.equal(session.provider, 'token');
console.log(`4. It became the session ${session.$id}.`);

await assert.rejects(new Account(project()).createSession({ userId: user.$id, secret: token.secret }), {
  code: 401,
  type: 'user_invalid_token',
});
console.log('5. A second exchange is refused: user_invalid_token.');

const account = new Account(project().setSession(session.secret));
assert.equal((await account.get()).$id, user.$id);
const { jwt } = await account.createJWT();
assert.equal((await new Account(project().setJWT(jwt)).get()).$id, user.$id);
console.log(`6. ${user.name} is signed in, with the session and with a JWT.`);

await account.deleteSession({ sessionId: 'current' });
await assert.rejects(account.get(), { code: 401, type: 'general_unauthorized_scope' });
console.log(`7. ${user.name} is signed out.`);

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
