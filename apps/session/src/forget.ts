import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Log } from '#log/log';
import { SessionsStore } from './store/sessions.store.js';

const everyMs = 60_000;
const batch = 500;

/** Deletes sessions that nothing needs any more: once a minute, in small batches; replicas skip each other's rows. */
@Injectable()
export class Forget implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly sessions: SessionsStore,
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
      try {
        while (!this.#stopped.signal.aborted && (await this.sessions.forget(batch)) === batch);
      } catch (err) {
        this.log.warn('Ended sessions were not cleaned up; the next minute tries again', { err });
      }
    }
  }

  /** Replicas started together do not stay in step. */
  #rested(): Promise<boolean> {
    const { signal } = this.#stopped;
    return sleep(everyMs * (0.75 + Math.random() / 2), true, { signal, ref: false }).catch(() => false);
  }
}
