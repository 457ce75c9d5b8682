import { setTimeout as sleep } from 'node:timers/promises';
import { type DynamicModule, Global, Logger, Module, type OnModuleInit } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Secret } from '#env/secret';
import { Readiness } from '#ops/readiness';
import { dataSourceOptions, type Store } from './data-source.js';
import { Postgres, statement } from './postgres.js';

/** connect ≤ 1 s, command ≤ 2 s, bounded pool. Postgres gives up first, so that a slow statement is not unknown. */
export const limits = {
  max: 10,
  min: 2,
  idleTimeoutMillis: 60_000,
  maxLifetimeSeconds: 1800,
  query_timeout: 2000,
  statement_timeout: 1800,
  idle_in_transaction_session_timeout: 10_000,
};

/** Gives the process its `DataSource` and `Postgres`, globally; nothing that needs them starts before Postgres answers. */
@Global()
@Module({})
export class PostgresModule implements OnModuleInit {
  constructor(
    private readonly postgres: Postgres,
    private readonly readiness: Readiness,
  ) {}

  static with(store: Store & { url: Secret }): DynamicModule {
    const base = dataSourceOptions(store);
    const options = { ...base, extra: { ...base.extra, ...limits }, poolErrorHandler } as DataSourceOptions;
    return {
      module: PostgresModule,
      imports: [TypeOrmModule.forRootAsync({ useFactory: () => options, dataSourceFactory: () => open(options) })],
      providers: [
        { provide: Postgres, useFactory: (source: DataSource) => new Postgres(source), inject: [getDataSourceToken()] },
      ],
      exports: [Postgres, TypeOrmModule],
    };
  }

  onModuleInit(): void {
    this.readiness.add('postgres', async () => {
      await this.postgres.query(alive);
    });
  }
}

const alive = statement('postgres.alive', 'SELECT 1');
const log = new Logger('Postgres');

/** A connection that dies while idle has harmed nobody: the pool opens another. */
function poolErrorHandler(error: Error): void {
  log.warn(`An idle connection was lost: ${error.message}`);
}

/** Tries for ever: Postgres may come up after us. */
async function open(options: DataSourceOptions): Promise<DataSource> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await new DataSource(options).initialize();
    } catch (error) {
      if (tries % 10 === 0) log.warn(`Waiting for Postgres: ${error instanceof Error ? error.message : String(error)}`);
      await sleep(500);
    }
  }
}
