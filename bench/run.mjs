// npm run bench: Segue beside what one would write by hand and beside the least it could cost, in one run.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from '../tools/launcher/build.mjs';
import { startInfrastructure } from '../tools/launcher/infrastructure.mjs';
import { install } from '../tools/launcher/install.mjs';
import { underNode24 } from '../tools/launcher/node24.mjs';
import { inDev, inRoot } from '../tools/launcher/paths.mjs';
import { readJson } from '../tools/launcher/private-json.mjs';
import { Processes } from '../tools/launcher/processes.mjs';
import { report } from '../tools/launcher/refusal.mjs';
import { newSecrets } from '../tools/launcher/secrets.mjs';
import { onSignal } from '../tools/launcher/signals.mjs';
import { step } from '../tools/launcher/steps.mjs';
import { migrate } from '../tools/migrate.mjs';
import { titles } from './flow.mjs';
import { canPin, pin, stores } from './pinning.mjs';
import { systems } from './systems.mjs';
import { tables } from './tables.mjs';

const help = `npm run bench: measures Segue and two baselines, interleaved, on this machine. Ends by itself.

  -- --quick            one short round (under two minutes)
  -- --rounds 3         how often every system and flow is measured
  -- --seconds 4        how long each time, after half of that to warm up
  -- --connections 64   how many requests are under way at once; the unloaded latency is measured with one
  -- --only segue,floor --flows F1,F4
  -- --out figures.json every figure of every round

systems  ${Object.keys(systems).join(', ')}
${Object.entries(titles)
  .map(([flow, title]) => `${flow.padEnd(9)}${title}`)
  .join('\n')}
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    quick: { type: 'boolean' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    connections: { type: 'string', default: '64' },
    only: { type: 'string', default: Object.keys(systems).join(',') },
    flows: { type: 'string', default: Object.keys(titles).join(',') },
    out: { type: 'string' },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
const windowMs = Number(values.seconds ?? (values.quick ? 2 : 4)) * 1000;
const names = values.only.split(',');
const flows = values.flows.split(',');

try {
  if (values.help) console.log(help);
  else await run();
} catch (error) {
  report(error);
}

async function run() {
  await underNode24();
  await step('Packages', install);
  await step('Build', build);
  const directory = inDev('bench');
  rmSync(directory, { recursive: true, force: true });
  const processes = await Processes.claim(directory);
  onSignal({ stop: () => processes.stop().then(() => process.exit(130)), kill: () => processes.kill() });
  try {
    const figures = [];
    for (let round = 0; round < rounds; round++) {
      for (const name of names) figures.push(...(await measureSystem(name, round, directory)));
    }
    console.log(`\n${tables(figures, { rounds, windowMs, connections: Number(values.connections) })}`);
    if (values.out) writeFileSync(values.out, JSON.stringify({ at: new Date().toISOString(), figures }, null, 1));
  } finally {
    await processes.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One system from its start on fresh stores to its end, through all flows. */
async function measureSystem(name, round, parent) {
  const directory = join(parent, `${name.replaceAll(' ', '-')}-${round}`);
  const logs = join(directory, 'logs');
  mkdirSync(logs, { recursive: true });
  const processes = await Processes.claim(directory);
  try {
    const secrets = newSecrets();
    const infrastructure = await startInfrastructure({ processes, directory, logs, secrets });
    if (name === 'segue') await migrate(infrastructure.postgres, secrets);
    const { flows: module, start } = systems[name];
    const connections = Number(values.connections);
    const started = await start({ processes, infrastructure, secrets, logs, users: connections });
    const groups = { ...started.groups, ...storesOf(directory) };
    pin(groups);

    const figures = [];
    const common = { flows: pathToFileURL(inRoot('bench', module)).href, port: started.port, env: started.env, groups };
    for (const flow of flows) {
      const loaded = {
        ...common,
        flow,
        connections,
        warmupMs: windowMs / 2 + (figures.length === 0 ? 2000 : 0),
        windowMs,
      };
      const unloaded = { ...common, flow, connections: 1, warmupMs: 300, windowMs: windowMs / 2 };
      const label = `${name}, ${flow}, round ${round + 1}`;
      await step(label, async () => {
        const figure = await load(loaded);
        const alone = await load(unloaded);
        figures.push({ name, flow, round, ...figure, unloadedP50: alone.p50 });
        return `${Math.round(figure.perSecond)}/s${figure.errors ? `, ${figure.errors} errors: ${figure.firstError}` : ''}`;
      });
    }
    return figures;
  } finally {
    await processes.stop();
  }
}

/** The launcher records its children by name. */
function storesOf(directory) {
  const { children } = readJson(join(directory, 'processes.json'));
  const found = children.filter(({ name }) => stores.includes(name));
  return Object.fromEntries(found.map(({ name, pid }) => [name, pid]));
}

function load(job) {
  const command = [process.execPath, inRoot('bench', 'load.mjs'), JSON.stringify(job)];
  const [program, ...args] = canPin ? ['taskset', '-c', String(availableParallelism() - 1), ...command] : command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(JSON.parse(text)) : reject(new Error('the load ended early'))));
  });
}
