import { type DynamicModule, Global, Logger, Module, type OnModuleInit } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Secret } from '#env/secret';
import { Readiness } from '#ops/readiness';
import { dataSourceOptions, type Store, withinLimits } from './data-source.js';
import { openPatiently } from './open.js';
import { Postgres, statement } from './postgres.js';

/** Gives the process its `DataSource` and `Postgres`, globally; nothing that needs them starts before Postgres is fit. */
@Global()
@Module({})
export class PostgresModule implements OnModuleInit {
  constructor(
    private readonly postgres: Postgres,
    private readonly readiness: Readiness,
  ) {}

  static with(store: Store & { url: Secret }): DynamicModule {
    // Nest's own Logger, since TypeORM's factories are given nothing; its lines come out as ours.
    const log = new Logger(`Postgres, schema ${store.schema}`);
    const options = {
      ...withinLimits(dataSourceOptions(store)),
      // A connection that dies while idle has harmed nobody: the pool opens another.
      poolErrorHandler: (error: Error) => log.warn(`An idle connection was lost: ${error.message}`),
    };
    return {
      module: PostgresModule,
      imports: [
        // Named, since services that share a process have one each.
        TypeOrmModule.forRootAsync({
          name: store.schema,
          useFactory: () => options,
          dataSourceFactory: () => openPatiently(options, (line) => log.warn(line)),
        }),
      ],
      providers: [
        {
          provide: Postgres,
          useFactory: (source: DataSource) => new Postgres(source),
          inject: [getDataSourceToken(store.schema)],
        },
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
