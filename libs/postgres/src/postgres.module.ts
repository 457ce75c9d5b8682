import {
  type DynamicModule,
  Global,
  Inject,
  Logger,
  Module,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Secret } from '#env/secret';
import { metrics } from '#metrics/metrics';
import { Readiness } from '#ops/readiness';
import { dataSourceOptions, type Store, withinLimits } from './data-source.js';
import { openPatiently } from './open.js';
import { Postgres, statement } from './postgres.js';

/** Injection token: the schema of the store. */
const schemaOf = Symbol('schemaOf');

/** Gives the process its `DataSource` and `Postgres`, globally; nothing that needs them starts before Postgres is fit. */
@Global()
@Module({})
export class PostgresModule implements OnModuleInit, OnModuleDestroy {
  private readonly unwatch: (() => void)[] = [];

  constructor(
    @Inject(schemaOf) private readonly schema: string,
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
        { provide: schemaOf, useValue: store.schema },
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
    const { schema, postgres } = this;
    this.unwatch.push(
      metrics.connections.watch({ schema, state: 'in_use' }, () => postgres.state.inUse),
      metrics.connections.watch({ schema, state: 'idle' }, () => postgres.state.idle),
      metrics.connectionsAwaited.watch({ schema }, () => postgres.state.waiting),
      metrics.breakerOpen.watch({ schema }, () => Number(postgres.state.shedding)),
    );
  }

  onModuleDestroy(): void {
    for (const end of this.unwatch) end();
  }
}

const alive = statement('postgres.alive', 'SELECT 1');
