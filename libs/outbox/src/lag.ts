import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { metrics } from '#metrics/metrics';
import { Postgres, statement } from '#postgres/postgres';
import { outboxOf } from './relay.js';

interface Waiting {
  readonly count: number;
  /** Seconds. */
  readonly oldest: number;
}

/** Shows what waits in the outbox, whatever the relay is doing: the table is looked at when somebody asks. */
@Injectable()
export class OutboxLag implements OnModuleInit, OnModuleDestroy {
  private looking: Promise<Waiting | undefined> | undefined;
  private readonly unwatch: (() => void)[] = [];

  constructor(
    @Inject(outboxOf) private readonly outbox: string,
    private readonly postgres: Postgres,
  ) {}

  onModuleInit(): void {
    const { outbox } = this;
    this.unwatch.push(
      metrics.outboxWaiting.watch({ outbox }, async () => (await this.look())?.count),
      metrics.outboxAge.watch({ outbox }, async () => (await this.look())?.oldest),
    );
  }

  onModuleDestroy(): void {
    for (const end of this.unwatch) end();
  }

  /** One look for all who ask meanwhile. */
  private look(): Promise<Waiting | undefined> {
    this.looking ??= this.postgres
      .query<{ count: number; oldest: number }>(waiting)
      .then(([row]) => row)
      .finally(() => {
        this.looking = undefined;
      });
    return this.looking;
  }
}

/** Only the index is read, and no more of it than a scrape can wait for. */
const waiting = statement(
  'outbox.waiting',
  `SELECT count(*)::int AS count,
     COALESCE(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 AS oldest
   FROM (SELECT at FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT 10000) AS unpublished`,
);
