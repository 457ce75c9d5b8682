// For specs only: a store of its own on a real Postgres, dropped afterwards.
import { randomBytes } from 'node:crypto';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { Secret } from '#env/secret';
import { dataSourceOptions, poolOptions, type Store } from './data-source.js';
import { Postgres } from './postgres.js';

export interface ScratchStore {
  readonly postgres: Postgres;
  readonly pool: Pool;
  /** With connections of its own, as the migrations have. */
  readonly dataSource: DataSource;
  /** Random; every connection's search_path. */
  readonly schema: string;
  readonly url: Secret;
  /** Ends the connections and drops the schema. */
  drop(): Promise<void>;
}

/** A race of fifty is about who wins, on a busy machine too: how long a pool lets anybody wait has a spec of its own. */
const patienceMs = 10_000;

/** Makes a schema with a random name on `SEGUE_TEST_POSTGRES` and runs the store's migrations in it. */
export async function scratchStore(store: Omit<Store, 'schema'>): Promise<ScratchStore> {
  const url = new Secret(testPostgres());
  const schema = `spec_${randomBytes(6).toString('hex')}`;
  const options = dataSourceOptions({ ...store, schema, url });
  const dataSource = await new DataSource({ ...options, connectTimeoutMS: patienceMs }).initialize();
  await dataSource.query(`CREATE SCHEMA ${schema}`);
  await dataSource.runMigrations({ transaction: 'each' });
  const pool = new Pool({ ...poolOptions({ schema, url }), connectionTimeoutMillis: patienceMs });
  // Specs kill connections, also idle ones.
  pool.on('error', () => {});
  return {
    postgres: new Postgres(pool),
    pool,
    dataSource,
    schema,
    url,
    drop: async () => {
      await pool.end();
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
