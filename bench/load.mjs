// One load generator, in a process of its own: node bench/load.mjs '<job as JSON>'
//   { flows: module, flow, port, connections, warmupMs, windowMs, env, groups: { name: pid } }
// Every connection is a closed loop over the flow: its `next()` gives a request, its `on(status, head, body)` answers
// whether that reply ended an operation, or throws when it is wrong. CPU is read at both ends of the counted window.
import { setTimeout as sleep } from 'node:timers/promises';
import { open } from './connection.mjs';
import { cpuSeconds, residentMiB } from './meter.mjs';

const job = JSON.parse(process.argv[2]);
const { flows } = await import(job.flows);

let counting = false;
let stopped = false;
const latencies = [];
const errors = [];

for (let index = 0; index < job.connections; index++) run(flows[job.flow].connect(job.env, index));

function run(loop) {
  let began = performance.now();
  const socket = open(job.port, onReply, (error) => void (stopped || errors.push(error.message)));
  socket.on('connect', () => {
    began = performance.now();
    socket.write(loop.next());
  });

  function onReply(status, head, body) {
    if (stopped) return;
    try {
      if (loop.on(status, head, body)) {
        if (counting) latencies.push(performance.now() - began);
        began = performance.now();
      }
    } catch (error) {
      errors.push(`${error.message}: ${status} ${body.slice(0, 200)}`);
      if (errors.length > 100) return;
    }
    socket.write(loop.next());
  }
}

const cpuNow = () => Object.fromEntries(Object.entries(job.groups).map(([name, pid]) => [name, cpuSeconds(pid)]));

await sleep(job.warmupMs);
const before = cpuNow();
const own = process.cpuUsage();
const windowBegan = performance.now();
counting = true;
await sleep(job.windowMs);
counting = false;
const seconds = (performance.now() - windowBegan) / 1000;
const after = cpuNow();
const { user, system } = process.cpuUsage(own);
stopped = true;

latencies.sort((a, b) => a - b);
const quantile = (part) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? null;
const perOperation = (name) => ((after[name] - before[name]) * 1e6) / latencies.length;
console.log(
  JSON.stringify({
    operations: latencies.length,
    perSecond: latencies.length / seconds,
    p50: quantile(0.5),
    p99: quantile(0.99),
    errors: errors.length,
    firstError: errors[0] ?? null,
    cpuMicros: Object.fromEntries(Object.keys(job.groups).map((name) => [name, perOperation(name)])),
    residentMiB: Object.fromEntries(Object.entries(job.groups).map(([name, pid]) => [name, residentMiB(pid)])),
    loadBusy: (user + system) / 1e6 / seconds,
  }),
);
process.exit(0);
