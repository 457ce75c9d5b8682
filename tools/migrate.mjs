// Brings the schemas of all services up to date, and the rights of their roles: `DATABASE_URL=… node tools/migrate.mjs`
// as the owner, with POSTGRES_<SERVICE>_PASSWORD for the roles it is to make; or imported.
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { inRoot } from './launcher/paths.mjs';
import { grantRoles } from './launcher/postgres-roles.mjs';
import { Refusal, report } from './launcher/refusal.mjs';

const services = ['identity', 'token', 'session', 'audit'];

/**
 * Runs the pending migrations of every service, each in its own transaction, then gives the services' roles their rights.
 * @param {Record<string, string | undefined>} [passwords] POSTGRES_<SERVICE>_PASSWORD
 * @returns {Promise<string>} how many ran
 */
export async function migrate(databaseUrl, passwords = {}) {
  await import('reflect-metadata');
  const { DataSource } = await import('typeorm');
  const { dataSourceOptions } = await import(built('libs/postgres/src/data-source.js'));
  const { Secret } = await import(built('libs/env/src/secret.js'));
  const url = new Secret(databaseUrl);

  const ran = await Promise.all(
    services.map(async (service) => {
      const { store } = await import(built(`apps/${service}/src/store/data-source.js`));
      const dataSource = await new DataSource(dataSourceOptions({ ...store, url })).initialize();
      try {
        await dataSource.query(`CREATE SCHEMA IF NOT EXISTS ${store.schema}`);
        return (await dataSource.runMigrations({ transaction: 'each' })).length;
      } finally {
        await dataSource.destroy();
      }
    }),
  );
  const owner = await new DataSource({ type: 'postgres', url: databaseUrl, installExtensions: false }).initialize();
  try {
    await owner.transaction((tx) => grantRoles((sql) => tx.query(sql), databaseUrl, passwords));
  } finally {
    await owner.destroy();
  }
  const total = ran.reduce((sum, count) => sum + count, 0);
  return total === 0 ? 'unchanged' : `${total} ran`;
}

const built = (path) => pathToFileURL(inRoot('dist', path)).href;

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    console.log(`Migrations: ${await migrate(databaseUrlOf(process.env), passwordsOf(process.env))}.`);
  } catch (error) {
    report(error);
  }
}

function passwordsOf(env) {
  const names = services.map((service) => `POSTGRES_${service.toUpperCase()}_PASSWORD`);
  return Object.fromEntries(names.map((name) => [name, given(env, name)]));
}

function given(env, name) {
  if (env[name]) return env[name];
  const file = env[`${name}_FILE`];
  return file && existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

function databaseUrlOf(env) {
  const url = given(env, 'DATABASE_URL');
  if (url) return url;
  throw new Refusal('DATABASE_URL (or DATABASE_URL_FILE) must say which Postgres to migrate.');
}
