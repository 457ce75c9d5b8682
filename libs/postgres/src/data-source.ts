import type { PoolConfig } from 'pg';
import type { EntitySchema, MigrationInterface, MixedList } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import type { Secret } from '#env/secret';

/** What a service that serves knows of its schema. */
export interface Schema {
  /** Its name, e.g. `session`; every connection's search_path is this schema alone. */
  readonly schema: string;
  /** How its tables came to be: the service waits until all of them have run. */
  readonly migrations: (new () => MigrationInterface)[];
}

/** The same, and its tables for TypeORM, of which only migrations and specs have need. */
export interface Store extends Schema {
  readonly entities: MixedList<(new () => object) | EntitySchema>;
}

/**
 * TypeORM's options for one service's store; the schema must exist before migrations run.
 *
 * Nothing is created at connect (`installExtensions: false`): ids come from JS or from the built-in gen_random_uuid().
 */
export function dataSourceOptions({
  url,
  schema,
  entities,
  migrations,
}: Store & { url: Secret }): PostgresDataSourceOptions {
  return {
    type: 'postgres',
    url: url.reveal(),
    schema,
    applicationName: `segue-${schema}`,
    entities,
    migrations,
    migrationsTableName: 'migrations',
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    synchronize: false,
    migrationsRun: false,
    logging: false,
    connectTimeoutMS,
    extra: connection(schema),
  };
}

const connectTimeoutMS = 1000;

const connection = (schema: string) => ({
  // jit: no statement of ours runs long enough to pay for a compilation.
  options: `-c search_path=${schema} -c timezone=UTC -c jit=off`,
  keepAlive: true,
});

/**
 * For serving requests (R-43; times in ms unless named otherwise); migrations may take longer. Postgres gives up a
 * statement before we do: what it gave up is surely rolled back, what we gave up is unknown.
 */
const limits = {
  max: 10,
  min: 2,
  idleTimeoutMillis: 60_000,
  maxLifetimeSeconds: 1800,
  query_timeout: 2000,
  statement_timeout: 1800,
  idle_in_transaction_session_timeout: 10_000,
};

/** The pool of a service that serves. */
export function poolOptions({ url, schema }: Pick<Store, 'schema'> & { url: Secret }): PoolConfig {
  return {
    connectionString: url.reveal(),
    application_name: `segue-${schema}`,
    connectionTimeoutMillis: connectTimeoutMS,
    ...connection(schema),
    ...limits,
  };
}
