// Keeps a Postgres, a Redis and a NATS running for work on Segue, with their data below a directory (.dev/infra) and
// their URLs in its infra.json:
//   node tools/infra.mjs [directory]            until Ctrl-C
//   node tools/infra.mjs [directory] --detach   in the background
//   node tools/infra.mjs [directory] --stop
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startInfrastructure } from './launcher/infrastructure.mjs';
import { inDev } from './launcher/paths.mjs';
import { readJson, writePrivateJson } from './launcher/private-json.mjs';
import { isRunning, Processes } from './launcher/processes.mjs';
import { report } from './launcher/refusal.mjs';
import { onSignal } from './launcher/signals.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { detach: { type: 'boolean' }, stop: { type: 'boolean' } },
});
const directory = positionals[0] ? resolve(positionals[0]) : inDev('infra');
const urls = join(directory, 'infra.json');

try {
  if (values.stop) await stop(await Processes.claim(directory));
  else if (!(values.detach && isRunning(directory))) await start();
  console.log(values.stop ? 'Stopped.' : readJson(urls));
} catch (error) {
  report(error);
}

async function start() {
  const processes = await Processes.claim(directory);
  onSignal({ stop: () => stop(processes), kill: () => processes.kill() });
  try {
    writePrivateJson(urls, await startInfrastructure({ processes, directory, logs: directory }));
  } catch (error) {
    await stop(processes);
    throw error;
  }
  if (values.detach) processes.detach();
}

async function stop(processes) {
  await processes.stop();
  rmSync(urls, { force: true });
}
