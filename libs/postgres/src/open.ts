import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import type { Secret } from '#env/secret';
import { poolOptions, type Schema } from './data-source.js';

const betweenTriesMs = 500;
const triesPerLine = 10;
const mostSkewMs = 5000;

/**
 * Opens the pool of a service, trying for ever: Postgres, or the migration of our schema, may come up after us. It is the
 * driver's own: TypeORM, which makes the schema, would cost every process that serves memory and time to load.
 */
export async function openPatiently(store: Schema & { url: Secret }, warn: (line: string) => void): Promise<Pool> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await open(store, warn);
    } catch (error) {
      if (tries % triesPerLine === 0) warn(`Waiting for Postgres: ${error instanceof Error ? error.message : error}`);
      await sleep(betweenTriesMs);
    }
  }
}

async function open(store: Schema & { url: Secret }, warn: (line: string) => void): Promise<Pool> {
  const pool = new Pool(poolOptions(store));
  // A connection that dies while idle has harmed nobody: the pool opens another.
  pool.on('error', (error) => warn(`An idle connection was lost: ${error.message}`));
  try {
    await refuseUnsafe(pool);
    await refuseUnmigrated(pool, store.migrations);
    return pool;
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/** a success must not be answered by a database that may forget it, nor under a clock of another time. */
async function refuseUnsafe(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ fsync: string; commit: string; now: Date }>(
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit, clock_timestamp() AS now`,
  );
  const [settings] = rows;
  if (settings?.fsync !== 'on') throw new Error('fsync is off');
  if (settings.commit === 'off') throw new Error('synchronous_commit is off');
  const skew = Math.abs(settings.now.getTime() - Date.now());
  if (skew > mostSkewMs) throw new Error(`its clock differs from ours by ${Math.round(skew / 1000)} s`);
}

/** TypeORM records each migration that has run by the name of its class. */
async function refuseUnmigrated(pool: Pool, migrations: Schema['migrations']): Promise<void> {
  const { rows } = await pool.query<{ name: string }>('SELECT name FROM migrations');
  const done = new Set(rows.map(({ name }) => name));
  const missing = migrations.map(({ name }) => name).filter((name) => !done.has(name));
  if (missing.length > 0) throw new Error(`its schema lacks ${missing.join(', ')}`);
}
