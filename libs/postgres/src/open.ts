import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions } from 'typeorm';

const betweenTriesMs = 500;
const triesPerLine = 10;
const mostSkewMs = 5000;

/** Connects, trying for ever: Postgres, or the migration of our schema, may come up after us. */
export async function openPatiently(options: DataSourceOptions, warn: (line: string) => void): Promise<DataSource> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await open(options);
    } catch (error) {
      if (tries % triesPerLine === 0) warn(`Waiting for Postgres: ${error instanceof Error ? error.message : error}`);
      await sleep(betweenTriesMs);
    }
  }
}

async function open(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = await new DataSource(options).initialize();
  try {
    await refuseUnsafe(dataSource);
    await refuseUnmigrated(dataSource);
    return dataSource;
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

/** a success must not be answered by a database that may forget it, nor under a clock of another time. */
async function refuseUnsafe(dataSource: DataSource): Promise<void> {
  const [settings] = await dataSource.query<{ fsync: string; commit: string; now: Date }[]>(
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit, clock_timestamp() AS now`,
  );
  if (settings?.fsync !== 'on') throw new Error('fsync is off');
  if (settings.commit === 'off') throw new Error('synchronous_commit is off');
  const skew = Math.abs(settings.now.getTime() - Date.now());
  if (skew > mostSkewMs) throw new Error(`its clock differs from ours by ${Math.round(skew / 1000)} s`);
}

async function refuseUnmigrated(dataSource: DataSource): Promise<void> {
  const done = await dataSource.query<{ name: string }[]>('SELECT name FROM migrations');
  const names = new Set(done.map(({ name }) => name));
  const missing = dataSource.migrations
    .map((migration) => migration.name ?? migration.constructor.name)
    .filter((name) => !names.has(name));
  if (missing.length > 0) throw new Error(`its schema lacks ${missing.join(', ')}`);
}
