// The accounts at NATS, Redis and Postgres (deploy/): each service has its own, and `operator` is for people and tools.
import { randomBytes } from 'node:crypto';
import { roleOf } from './postgres-roles.mjs';

/** Who has an account where; `segue` is all services as one process. */
const accounts = {
  NATS: ['gateway', 'identity', 'token', 'session', 'audit', 'segue', 'reader', 'operator'],
  REDIS: ['gateway', 'token', 'segue', 'operator'],
  POSTGRES: ['identity', 'token', 'session', 'audit'],
};

const variable = (part, account) => `${part}_${account.toUpperCase()}_PASSWORD`;

/** A fresh password for every account. Each begins with a letter: NATS would read another as a number. */
export function newPasswords() {
  const names = Object.entries(accounts).flatMap(([part, each]) => each.map((account) => variable(part, account)));
  // POSTGRES_PASSWORD is the owner's.
  return Object.fromEntries(
    [...names, 'POSTGRES_PASSWORD'].map((name) => [name, `p${randomBytes(32).toString('hex')}`]),
  );
}

/** The passwords of one part, as its configuration names them. @param {'NATS' | 'REDIS'} part */
export function passwordsOf(part, secrets) {
  return Object.fromEntries(
    accounts[part].map((account) => [variable(part, account), secrets[variable(part, account)]]),
  );
}

/** The URL as `account` uses it; as it is where that part has no such account. */
export function urlFor(part, account, url, secrets) {
  const password = secrets[variable(part, account)];
  if (!password || !accounts[part].includes(account)) return url;
  const username = part === 'POSTGRES' ? roleOf(account, url) : account;
  return Object.assign(new URL(url), { username, password }).href;
}
