import { cpuSeconds } from './meter.mjs';

/**
 * Loads a system until it is steady: V8 compiles what is hot in several steps, beside the work and on the same core, and a
 * start has other costs too. Steady is where two half-windows one after the other cost the same CPU per operation, all of
 * its processes together. The rule is one for all systems; whoever does not get there in time is measured as it is.
 * @param {import('./crowd.mjs').Crowd} crowd
 * @param {Record<string, number>} groups pids by name
 * @param {{ halfMs: number, mostMs: number, within: number }} rule
 * @returns {Promise<{ seconds: number, isSteady: boolean, operations: number }>}
 */
export async function untilSteady(crowd, groups, { halfMs, mostMs, within }) {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  let operations = 0;
  for (let last = Number.NaN; seconds() * 1000 < mostMs; ) {
    await crowd.prepare();
    const before = sum(cpuSeconds(groups));
    const { latencies } = await crowd.run(halfMs);
    const each = (sum(cpuSeconds(groups)) - before) / latencies.length;
    operations += latencies.length;
    if (Math.abs(each / last - 1) < within) return { seconds: seconds(), isSteady: true, operations };
    last = each;
  }
  return { seconds: seconds(), isSteady: false, operations };
}

const sum = (cpu) => Object.values(cpu).reduce((total, each) => total + each, 0);
