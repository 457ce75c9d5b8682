import { randomBytes } from 'node:crypto';
import { newPasswords } from './accounts.mjs';
import { inDev } from './paths.mjs';
import { readJson, writePrivateJson } from './private-json.mjs';

const file = inDev('secrets.json');

/** This machine's own secrets, made at the first start; one set in the environment is used instead. */
export function secrets() {
  const kept = complete(readJson(file) ?? {});
  const given = Object.keys(kept).filter((name) => process.env[name]);
  return { ...kept, ...Object.fromEntries(given.map((name) => [name, process.env[name]])) };
}

/**
 * Fresh secrets of every kind the services ask for.
 * @public the stacks of test/support make their own
 */
export function newSecrets() {
  return {
    ADMIN_KEY: randomBytes(32).toString('base64url'),
    SEAL_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    REFRESH_MAC_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    PEPPER: randomBytes(32).toString('base64'),
    ...newPasswords(),
  };
}

/** What a Segue of before did not need yet is made now. */
function complete(kept) {
  const made = { ...newSecrets(), ...kept };
  if (Object.keys(made).some((name) => !(name in kept))) writePrivateJson(file, made);
  return made;
}
