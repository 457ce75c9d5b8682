import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds } from './meter.mjs';
import { stores } from './pinning.mjs';

const everyMs = 100;
/** So many quiet looks in a row; of a core's time each may see this part used, for nobody is wholly idle. */
const looks = 3;
const idle = 0.11;
const mostMs = 5_000;

/**
 * Waits until the application and its broker have nothing left to do: what was answered may still have to be published
 * and written into the audit trail. Stores are not asked: Postgres tidies up for minutes.
 * @param {Record<string, number>} groups pids by name
 * @returns {Promise<Record<string, number>>} the CPU times when it became quiet
 */
export async function untilQuiet(groups) {
  const watched = Object.keys(groups).filter((name) => name === 'NATS' || !stores.includes(name));
  const used = (cpu) => watched.reduce((sum, name) => sum + cpu[name], 0);
  const deadline = performance.now() + mostMs;
  let quietSince = cpuSeconds(groups);
  for (let last = quietSince, quiet = 0; quiet < looks && performance.now() < deadline; ) {
    await sleep(everyMs);
    const now = cpuSeconds(groups);
    if (used(now) - used(last) < (idle * everyMs) / 1000) quiet++;
    else [quiet, quietSince] = [0, now];
    last = now;
  }
  return quietSince;
}
