import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Log } from '#log/log';
import { UsersStore } from './store/users.store.js';

const everyMs = 600_000;
const batch = 500;

/**
 * Deletes anonymous accounts nobody claimed within 30 days, in small batches; replicas skip each other's rows.
 * Subscribers are told by `user.erased`.
 */
@Injectable()
export class ForgetAnonymous implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly users: UsersStore,
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
        while (!this.#stopped.signal.aborted && (await this.users.forgetAnonymous(batch)) === batch);
      } catch (err) {
        this.log.warn('Anonymous accounts were not cleaned up; the next turn tries again', { err });
      }
    }
  }

  /** Replicas started together do not stay in step. */
  #rested(): Promise<boolean> {
    const { signal } = this.#stopped;
    return sleep(everyMs * (0.75 + Math.random() / 2), true, { signal, ref: false }).catch(() => false);
  }
}
