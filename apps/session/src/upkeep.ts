import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Log } from '#log/log';
import { Outbox } from '#outbox/outbox';
import { EpochsStore } from './store/epochs.store.js';
import { SessionsStore } from './store/sessions.store.js';

const everyMs = 60_000;
const batch = 500;

/**
 * Once a minute, in small batches: closes sessions that were opened while their epoch was being raised, and deletes what
 * nothing needs any more; replicas skip each other's rows.
 */
@Injectable()
export class Upkeep implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly sessions: SessionsStore,
    private readonly epochs: EpochsStore,
    private readonly outbox: Outbox,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.#running = this.#run();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (await this.#rested()) {
      await this.#all('Stale sessions were not closed', () => this.epochs.settleSome(batch));
      this.outbox.kick();
      await this.#all('Ended sessions were not cleaned up', () => this.sessions.forget(batch));
      await this.#all('Old epochs were not cleaned up', () => this.epochs.forget(batch));
    }
  }

  async #all(failure: string, some: () => Promise<number>): Promise<void> {
    try {
      while (!this.#stopped.signal.aborted && (await some()) === batch);
    } catch (err) {
      this.log.warn(`${failure}; the next minute tries again`, { err });
    }
  }

  /** Replicas started together do not stay in step. */
  #rested(): Promise<boolean> {
    const { signal } = this.#stopped;
    return sleep(everyMs * (0.75 + Math.random() / 2), true, { signal, ref: false }).catch(() => false);
  }
}
