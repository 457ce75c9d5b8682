import { setTimeout as sleep } from 'node:timers/promises';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { Log } from '#log/log';

export interface UpkeepOptions {
  /** Milliseconds between two turns, give or take a quarter: replicas started together do not stay in step. */
  readonly everyMs: number;
  readonly log: Log;
  /** By name: treats at most so many rows and answers how many it did; replicas skip each other's rows. */
  readonly jobs: Readonly<Record<string, (most: number) => Promise<number>>>;
}

const batch = 500;

/** Work on rows that nobody waits for, such as deleting what nothing needs any more: now and then, in small batches. */
export class Upkeep implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly options: UpkeepOptions) {}

  onApplicationBootstrap(): void {
    this.#running = this.#run();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (await this.#rested()) {
      for (const [name, job] of Object.entries(this.options.jobs)) await this.#finish(name, job);
    }
  }

  async #finish(name: string, job: (most: number) => Promise<number>): Promise<void> {
    try {
      while (!this.#stopped.signal.aborted && (await job(batch)) === batch);
    } catch (err) {
      this.options.log.warn('upkeep failed; the next turn tries again', { job: name, err });
    }
  }

  #rested(): Promise<boolean> {
    const { signal } = this.#stopped;
    const ms = this.options.everyMs * (0.75 + Math.random() / 2);
    return sleep(ms, true, { signal, ref: false }).catch(() => false);
  }
}
