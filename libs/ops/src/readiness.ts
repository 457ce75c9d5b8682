import { setTimeout as delay } from 'node:timers/promises';
import { Log } from '#log/log';

/** Longer than this a part counts as down; a probe must be answered in time itself. */
const patienceMs = 1_000;

/** Resolves while the part works, rejects while it does not. */
export type ReadinessCheck = () => Promise<void>;

/**
 * Whether this process should be given work: it has started, is not stopping, and every part it depends on answers.
 * One per process; a part adds its own check. Services that share a process have one each within it.
 */
export class Readiness {
  readonly #checks = new Map<string, ReadinessCheck>();
  readonly #services = new Map<string, Readiness>();
  readonly #down = new Set<string>();
  #phase: 'starting' | 'serving' | 'stopping' = 'starting';

  constructor(private readonly log: Log) {
    this.add('process', async () => {
      if (this.#phase !== 'serving') throw new Error(this.#phase);
    });
  }

  /** @param name of the part as `/health/ready` shows it, e.g. `postgres` */
  add(name: string, check: ReadinessCheck): void {
    this.#checks.set(name, check);
  }

  /** Counts the parts of a service as this process's, e.g. as `session.postgres`; its log stays its own. */
  include(service: string, readiness: Readiness): void {
    this.#services.set(service, readiness);
  }

  /** From now on the process takes work. */
  serving(): void {
    this.#phase = 'serving';
  }

  /** From now on it only finishes what it has. */
  stopping(): void {
    this.#phase = 'stopping';
  }

  /** The state of every part, within a second. Why one is down stands in the log, once. */
  async parts(): Promise<ReadonlyMap<string, 'up' | 'down'>> {
    const names = [...this.#checks.keys()];
    const states = names.map(async (name) => [[name, await this.#stateOf(name)] as const]);
    const statesWithin = [...this.#services].map(async ([service, readiness]) => {
      const parts = await readiness.parts();
      return [...parts].map(([name, state]) => [`${service}.${name}`, state] as const);
    });
    return new Map((await Promise.all([...states, ...statesWithin])).flat());
  }

  async #stateOf(name: string): Promise<'up' | 'down'> {
    try {
      await Promise.race([this.#checks.get(name)?.(), tooLong()]);
      if (this.#down.delete(name)) this.log.info('part is back', { part: name });
      return 'up';
    } catch (err) {
      if (!this.#down.has(name)) this.log.warn('part is down', { part: name, err });
      this.#down.add(name);
      return 'down';
    }
  }
}

async function tooLong(): Promise<never> {
  await delay(patienceMs, undefined, { ref: false });
  throw new Error(`no answer within ${patienceMs} ms`);
}
