import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { passwordsOf, urlFor } from './accounts.mjs';
import { inRoot } from './paths.mjs';
import { freePort } from './ports.mjs';
import { whenReady } from './processes.mjs';
import { program } from './program.mjs';
import { talk } from './talk.mjs';

const redis = {
  names: ['redis-server', 'valkey-server'],
  debian: 'redis-server',
  install: '`apt install redis-server`, `brew install redis`, or use `docker compose up --wait` instead of `npm start`',
};

/** The program, brought if need be. */
export const redisProgram = () => program(redis);

/**
 * Starts a private Redis and waits until it answers. With `secrets` everybody has an account with exactly its commands
 * and keys (deploy/redis.acl); without, it is open to this machine, as specs of single parts need it.
 * @returns {Promise<string>} its URL, the operator's where there are accounts
 */
export async function startRedis({ processes, directory, log, layer, secrets }) {
  const { command, env } = await redisProgram();
  const port = await freePort();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const settings = {
    bind: '127.0.0.1',
    port,
    dir: directory,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    'maxmemory-policy': 'noeviction',
    ...(secrets && { aclfile: accountsFile(directory, secrets) }),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = processes.start({ name: 'Redis', layer, command, args, env, log });
  const login = secrets ? `AUTH operator ${secrets.REDIS_OPERATOR_PASSWORD}\r\n` : '';
  await whenReady(child, () => talk(port, `${login}PING\r\n`, '+PONG'));
  return urlFor('REDIS', 'operator', `redis://127.0.0.1:${port}`, secrets ?? {});
}

/** The accounts with their passwords, for Redis takes none from the environment. */
function accountsFile(directory, secrets) {
  const passwords = passwordsOf('REDIS', secrets);
  const accounts = readFileSync(inRoot('deploy', 'redis.acl'), 'utf8').replace(
    /\$(\w+)/g,
    (_, name) => passwords[name],
  );
  const file = join(directory, 'users.acl');
  writeFileSync(file, accounts, { mode: 0o600 });
  return file;
}
