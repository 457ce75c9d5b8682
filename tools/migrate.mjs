// Brings the schemas of all services up to date: `DATABASE_URL=… node tools/migrate.mjs`, or imported.
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { inRoot } from './launcher/paths.mjs';
import { Refusal, report } from './launcher/refusal.mjs';

const services = ['identity', 'token', 'session', 'audit'];

/** Runs the pending migrations of every service, each in its own transaction. @returns {Promise<string>} how many ran */
export async function migrate(databaseUrl) {
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
  const total = ran.reduce((sum, count) => sum + count, 0);
  return total === 0 ? 'unchanged' : `${total} ran`;
}

const built = (path) => pathToFileURL(inRoot('dist', path)).href;

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    console.log(`Migrations: ${await migrate(databaseUrlOf(process.env))}.`);
  } catch (error) {
    report(error);
  }
}

function databaseUrlOf({ DATABASE_URL: url, DATABASE_URL_FILE: file }) {
  if (url) return url;
  if (file && existsSync(file)) return readFileSync(file, 'utf8').trim();
  throw new Refusal('DATABASE_URL (or DATABASE_URL_FILE) must say which Postgres to migrate.');
}
