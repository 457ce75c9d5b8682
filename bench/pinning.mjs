import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** What is a store, and not the application; the broker belongs to whoever needs one. */
export const stores = ['Postgres', 'Redis', 'NATS'];

const last = availableParallelism() - 1;

/** Whether processes can be kept on one core; else the operations per second say less, the CPU per operation the same. */
export const canPin = last > 0 && spawnSync('taskset', ['--version']).status === 0;

/**
 * Application and broker share the first core; Postgres, Redis and the load generator the last: operations per second are
 * then those of one core of the application.
 * @param {Record<string, number>} groups pids by name
 */
export function pin(groups) {
  if (!canPin) return;
  for (const [name, pid] of Object.entries(groups)) {
    const core = name === 'Postgres' || name === 'Redis' ? last : 0;
    spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)]);
  }
}
