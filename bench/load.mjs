// One load generator, in a process of its own: node bench/load.mjs '<job as JSON>'
//   { flows: module, flow, port, connections, env, groups: { name: pid },
//     steady: { halfMs, mostMs, within } | warmupMs, windowMs }
// A job with `steady` loads until the system is steady and says only how long that took. One with a window counts CPU from
// its first request until the system has nothing left to do: what an answer leaves to be done later is part of its cost.
import { Crowd } from './crowd.mjs';
import { cpuSeconds, residentMiB } from './meter.mjs';
import { untilQuiet } from './quiet.mjs';
import { untilSteady } from './steady.mjs';

const job = JSON.parse(process.argv[2]);
const { flows } = await import(job.flows);
const { port, connections, groups } = job;
const crowd = new Crowd({ port, connections, connect: (index) => flows[job.flow].connect(job.env, index) });

console.log(JSON.stringify(job.steady ? await warm() : await measure()));
process.exit(0);

async function warm() {
  const warmed = await untilSteady(crowd, groups, job.steady);
  await untilQuiet(groups);
  return { ...warmed, ...mistakes() };
}

async function measure() {
  // Its own code is to be compiled too, and what it leaves behind is not to be counted.
  await crowd.prepare();
  await crowd.run(job.warmupMs);
  await crowd.prepare();
  const before = await ready();
  const own = process.cpuUsage();
  const { latencies, seconds } = await crowd.run(job.windowMs);
  const { user, system } = process.cpuUsage(own);
  const after = await untilQuiet(groups);

  latencies.sort((a, b) => a - b);
  const quantile = (part) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? null;
  const perOperation = (name) => ((after[name] - before[name]) * 1e6) / latencies.length;
  return {
    operations: latencies.length,
    perSecond: latencies.length / seconds,
    p50: quantile(0.5),
    p99: quantile(0.99),
    ...mistakes(),
    cpuMicros: Object.fromEntries(Object.keys(groups).map((name) => [name, perOperation(name)])),
    residentMiB: residentMiB(groups),
    loadBusy: (user + system) / 1e6 / seconds,
  };
}

async function ready() {
  await untilQuiet(groups);
  return cpuSeconds(groups);
}

function mistakes() {
  return { errors: crowd.errors.length, firstError: crowd.errors[0] ?? null };
}
