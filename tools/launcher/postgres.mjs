import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute } from './command.mjs';
import { freePort } from './ports.mjs';
import { postgresPrograms } from './postgres-programs.mjs';
import { scram } from './postgres-roles.mjs';
import { whenReady } from './processes.mjs';

/**
 * Starts a private Postgres with a superuser and a database `segue`, open to this machine's loopback address alone, and
 * waits until it answers. With `secrets` everybody needs a password; without, the superuser needs none, as specs of single
 * parts use it.
 * @returns {Promise<string>} its URL, the superuser's
 */
export async function startPostgres({ processes, directory, log, layer, secrets }) {
  const { run, uid } = postgresPrograms();
  const data = join(directory, 'data');
  mkdirSync(directory, { recursive: true });
  await give(directory, uid);
  if (existsSync(data)) forgetStalePid(data);
  else await initialise(run, data);

  admit(data, secrets);
  const password = secrets?.POSTGRES_PASSWORD;
  if (password) await single(run, data, `ALTER ROLE segue PASSWORD '${scram(password)}'`);
  const port = await freePort();
  const [command, args] = run('postgres', '-D', data, ...settings({ port }));
  // SIGINT is Postgres' fast shutdown: SIGTERM would wait for the clients.
  const child = processes.start({ name: 'Postgres', layer, command, args, signal: 'SIGINT', log });
  const url = `postgres://segue${password ? `:${password}` : ''}@127.0.0.1:${port}/segue`;
  await whenReady(child, () => connects(url));
  return url;
}

/** A cluster is made beside its place and moved there when whole: a killed first start leaves no half of one. */
async function initialise(run, data) {
  const unfinished = `${data}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  await execute(...run('initdb', '-D', unfinished, '-U', 'segue', '--auth=trust', '--no-sync', ...locale));
  await single(run, unfinished, 'CREATE DATABASE segue');
  renameSync(unfinished, data);
}

/** Runs one statement where no server runs yet. */
async function single(run, data, sql) {
  await execute(...run('postgres', '--single', '-D', data, 'postgres'), { input: `${sql}\n` });
}

/** Who may connect: the services by their passwords, and without one only who is trusted. */
function admit(data, secrets) {
  const trusted = secrets ? '' : 'host all segue 127.0.0.1/32 trust\n';
  writeFileSync(join(data, 'pg_hba.conf'), `${trusted}host all all 127.0.0.1/32 scram-sha-256\n`);
}

/** After a crash of the machine the pid in the lock file may be somebody else's; Postgres would take that for itself. */
function forgetStalePid(data) {
  const lock = join(data, 'postmaster.pid');
  if (existsSync(lock) && !commandOf(Number.parseInt(readFileSync(lock, 'utf8'), 10)).includes(data)) rmSync(lock);
}

function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
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

async function give(directory, uid) {
  if (statSync(directory).uid !== uid) await execute('chown', ['-R', `${uid}:${uid}`, directory]);
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
