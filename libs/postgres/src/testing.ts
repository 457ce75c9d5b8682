// For specs only: a store of its own on a real Postgres, dropped afterwards.
import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { Secret } from '#env/secret';
import { dataSourceOptions, type Store, withinLimits } from './data-source.js';
import { Postgres } from './postgres.js';

export interface ScratchStore {
  readonly postgres: Postgres;
  readonly dataSource: DataSource;
  /** Random; every connection's search_path. */
  readonly schema: string;
  readonly url: Secret;
  /** Ends the connections and drops the schema. */
  drop(): Promise<void>;
}

/** Makes a schema with a random name on `SEGUE_TEST_POSTGRES` and runs the store's migrations in it. */
export async function scratchStore(store: Omit<Store, 'schema'>): Promise<ScratchStore> {
  const url = new Secret(testPostgres());
  const schema = `spec_${randomBytes(6).toString('hex')}`;
  // A race of fifty is about who wins, on a busy machine too: how long a pool lets anybody wait has a spec of its own.
  const patient = { ...dataSourceOptions({ ...store, schema, url }), connectTimeoutMS: 10_000 };
  const dataSource = await new DataSource(withinLimits(patient)).initialize();
  await dataSource.query(`CREATE SCHEMA ${schema}`);
  await dataSource.runMigrations({ transaction: 'each' });
  return {
    postgres: new Postgres(dataSource),
    dataSource,
    schema,
    url,
    drop: async () => {
      await dataSource.query(`DROP SCHEMA ${schema} CASCADE`);
      await dataSource.destroy();
    },
  };
}

function testPostgres(): string {
  const url = process.env['SEGUE_TEST_POSTGRES'];
  if (!url) throw new Error('SEGUE_TEST_POSTGRES must name a Postgres; `npm test` starts one');
  return url;
}
