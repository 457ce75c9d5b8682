import {
  type DynamicModule,
  Global,
  Inject,
  Logger,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import type { Pool } from 'pg';
import type { Secret } from '#env/secret';
import { metrics } from '#metrics/metrics';
import { Readiness } from '#ops/readiness';
import type { Schema } from './data-source.js';
import { openPatiently } from './open.js';
import { Postgres, statement } from './postgres.js';

/** Injection token: the schema of the store. */
const schemaOf = Symbol('schemaOf');

/** Injection token: the pool, open. */
const poolOf = Symbol('poolOf');

/** Gives the service its `Postgres`, globally; nothing that needs it starts before Postgres is fit. */
@Global()
@Module({})
export class PostgresModule implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown {
  private readonly unwatch: (() => void)[] = [];

  constructor(
    @Inject(schemaOf) private readonly schema: string,
    @Inject(poolOf) private readonly pool: Pool,
    private readonly postgres: Postgres,
    private readonly readiness: Readiness,
  ) {}

  static with(store: Schema & { url: Secret }): DynamicModule {
    // Nest's own Logger: the pool is opened before anything of ours is provided. Its lines come out as ours.
    const log = new Logger(`Postgres, schema ${store.schema}`);
    return {
      module: PostgresModule,
      providers: [
        { provide: schemaOf, useValue: store.schema },
        { provide: poolOf, useFactory: () => openPatiently(store, (line) => log.warn(line)) },
        { provide: Postgres, useFactory: (pool: Pool) => new Postgres(pool), inject: [poolOf] },
      ],
      exports: [Postgres],
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

  /** Later than followers and relays, which end while their module is destroyed and still need it. */
  async onApplicationShutdown(): Promise<void> {
    await this.pool.end();
  }
}

const alive = statement('postgres.alive', 'SELECT 1');
