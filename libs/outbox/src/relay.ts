import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { FactStream } from '#bus/facts';
import { FactFeed } from '#bus/feed';
import type { Fact } from '#contracts/fact';
import { Log } from '#log/log';
import { Postgres, type Queryable, statement } from '#postgres/postgres';
import { Outbox } from './outbox.js';
import { publishInOrder } from './publish-in-order.js';
import { createPartitions, dropPartitions } from './table.js';

/**
 * Times in ms. After a kick, as long as makes a batch of what a service writes (performance.md, item 7): a turn costs
 * Postgres as much as the facts of fifty requests, and the audit trail writes batch by batch what a turn brings. A busy
 * service gathers for longer; that is a hundredth of what the feed allows ("Revocation feed").
 */
const gatherMs = 10;
const busyGatherMs = 40;
/** So many facts in a turn make a service busy. */
const busy = 20;
const pollMs = 1000;
/** No transaction is held longer for the sake of NATS. */
const longestPublishMs = 3000;
const shortestPauseMs = 100;
const longestPauseMs = 5000;
/** A little less than the poll, so that each poll brings a beat. */
const beatMs = 900;
/** A gateway that starts at the same time has no word of the revocations before each owner's first beat. */
const youngMs = 5_000;
const youngPollMs = 200;
const betweenLinesMs = 30_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;

const batch = 500;
const markedPerVacuum = 20_000;
/** While nothing gets through. More than one, so that a fact that cannot be sent does not hide that others can. */
const probe = 20;

/** Injection token: the service whose outbox it is. */
export const outboxOf = Symbol('outboxOf');

/** What one turn of the relay did. */
interface Turn {
  readonly published: number;
  /** As many rows as were asked for: more may wait. */
  readonly full: boolean;
  /** Milliseconds by the database's clock: whatever was committed by then has been published. */
  readonly drainedUpTo?: number;
  readonly failure?: unknown;
}

/**
 * Carries the facts of this service's outbox to JetStream, at least once and in order per aggregate (state.md,
 * "Facts"): one relay per service at a time, at most one unacknowledged fact of an aggregate, marked after the ack. Each
 * second, when nothing is left, it says so on the feed ("Revocation feed").
 */
@Injectable()
export class Relay implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  /** Turns in a row in which nothing got through. */
  private failures = 0;
  /** Facts since the last VACUUM. */
  private marked = 0;
  private nextLine = 0;
  private nextBeat = 0;
  private nextMaintenance = 0;
  private readonly began = performance.now();

  constructor(
    @Inject(outboxOf) private readonly service: string,
    private readonly outbox: Outbox,
    private readonly postgres: Postgres,
    private readonly stream: FactStream,
    private readonly feed: FactFeed,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.run();
  }

  /** Ends with one more turn, for what the last requests wrote; the rest waits in the table for the next relay. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    this.outbox.kick();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.maintain();
      const turn = await this.turn();
      this.report(turn);
      this.beat(turn);
      if (turn.failure !== undefined) await this.pause(backOff(this.failures));
      else if (!turn.full) await this.rest(turn.published < busy ? gatherMs : busyGatherMs);
    }
    this.report(await this.turn());
  }

  private async turn(): Promise<Turn> {
    try {
      return (await this.alone((tx, now) => this.carry(tx, now))) ?? { published: 0, full: false };
    } catch (failure) {
      return { published: 0, full: false, failure };
    }
  }

  /** Takes the oldest facts, publishes them and marks the acknowledged ones. */
  private async carry(tx: Queryable, now: number): Promise<Turn> {
    const limit = this.failures > 0 ? probe : batch;
    const rows = await tx.query<Row>(oldest, [limit]);
    const { acknowledged, failure } = await publishInOrder(
      rows,
      (row) => this.stream.publish(toFact(row)),
      longestPublishMs,
    );
    if (acknowledged.length > 0) await tx.query(mark, [acknowledged.map(({ position }) => position), ...span(rows)]);
    const full = rows.length === limit;
    const drained = !full && acknowledged.length === rows.length;
    return { published: acknowledged.length, full, failure, ...(drained && { drainedUpTo: now }) };
  }

  /**
   * Runs `work` unless another replica's relay is at work; its lock ends with the transaction, however that ends.
   *
   * @param work is told the database's time before it begins, in milliseconds
   */
  private alone<T>(work: (tx: Queryable, now: number) => Promise<T>): Promise<T | null> {
    return this.postgres.transaction(async (tx) => {
      const [lock] = await tx.query<{ taken: boolean; now: number }>(lead);
      return lock?.taken ? work(tx, lock.now) : null;
    });
  }

  private async maintain(): Promise<void> {
    const now = performance.now();
    try {
      if (this.marked >= markedPerVacuum) {
        this.marked = 0;
        await this.postgres.query(vacuum);
      }
      if (now < this.nextMaintenance) return;
      this.nextMaintenance = now + minuteMs;
      await this.alone((tx) => tx.query(partitionsAhead));
      await this.alone((tx) => tx.query(partitionsPast));
      this.nextMaintenance = now + hourMs;
    } catch (err) {
      this.log.warn('the outbox was not maintained', { outbox: this.service, err });
    }
  }

  private report({ published, failure }: Turn): void {
    const now = performance.now();
    if (failure !== undefined && now >= this.nextLine) {
      this.log.warn('facts wait in the outbox', { outbox: this.service, err: failure });
      this.nextLine = now + betweenLinesMs;
    }
    if (failure === undefined && this.nextLine > 0) {
      this.log.info('facts are published again', { outbox: this.service });
      this.nextLine = 0;
    }
    this.marked += published;
    this.failures = failure !== undefined && published === 0 ? this.failures + 1 : 0;
  }

  private beat({ drainedUpTo }: Turn): void {
    const now = performance.now();
    if (drainedUpTo === undefined || now < this.nextBeat) return;
    this.feed.beat(this.service, drainedUpTo);
    this.nextBeat = this.isYoung(now) ? now : now + beatMs;
  }

  private async rest(gather: number): Promise<void> {
    await this.outbox.whenKicked(this.isYoung(performance.now()) ? youngPollMs : pollMs);
    await this.pause(gather);
  }

  private isYoung(now: number): boolean {
    return now - this.began < youngMs;
  }

  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => {});
  }
}

/** Jittered, so that the services do not all knock at once when NATS is back. */
function backOff(failures: number): number {
  const most = Math.min(longestPauseMs, shortestPauseMs * 2 ** failures);
  return most * (0.5 + Math.random() / 2);
}

interface Row extends Omit<Fact, 'at'> {
  readonly position: string;
  readonly at: Date;
}

function toFact({ id, type, clientId, subject, traceparent, at, body }: Row): Fact {
  return { id, type, clientId, subject, traceparent, at: at.toISOString(), body };
}

/** From the first row's time up to after the last one's: `Date` has cut the microseconds. */
function span(rows: readonly Row[]): [Date, Date] {
  const times = rows.map(({ at }) => at.getTime());
  return [new Date(Math.min(...times)), new Date(Math.max(...times) + 1)];
}

/**
 * The clock is read before the facts are: what commits later may be missed, what committed before is not.
 *
 * The mark alone need not be on disk when its transaction ends: the facts themselves are since long, and a crash that
 * forgets the mark makes the relay publish again what consumers know by its id.
 *
 * The planner is bound to the index in its order, whatever the statistics of a day that has just begun tell it, and plans
 * once: for the times of a mark it would plan anew each time (0.2 ms), since that spares it the other days' partitions.
 */
const lead = statement(
  'outbox.lead',
  `SELECT pg_try_advisory_xact_lock('outbox'::regclass::bigint) AS taken,
     (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now,
     set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),
     set_config('enable_seqscan', 'off', true), set_config('synchronous_commit', 'off', true),
     set_config('plan_cache_mode', 'force_generic_plan', true)`,
);

/**
 * Never `position > last`: a transaction that commits late would be skipped. No row is locked: the relay that leads is
 * alone, and this statement's snapshot is younger than its lead, so it knows whatever the one before it has marked.
 */
const oldest = statement(
  'outbox.oldest',
  `SELECT id, position, client_id AS "clientId", type, subject, traceparent, at, body
   FROM outbox WHERE published_at IS NULL
   ORDER BY position LIMIT $1`,
);

/** The times name the partitions. */
const mark = statement(
  'outbox.mark',
  `UPDATE outbox SET published_at = now()
   WHERE published_at IS NULL AND position = ANY ($1::bigint[]) AND at >= $2 AND at < $3`,
);

const partitionsAhead = statement('outbox.partitions_ahead', createPartitions);
const partitionsPast = statement('outbox.partitions_past', dropPartitions);

/**
 * Each marked fact leaves a dead entry at the front of the index, and every turn reads past all of them: measured, 1.5 ms
 * after 400 000. Autovacuum comes too seldom, and skips the index (INDEX_CLEANUP) while few pages are concerned.
 */
const vacuum = statement('outbox.vacuum', 'VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF, SKIP_LOCKED) outbox');
