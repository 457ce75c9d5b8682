// npm test: all specs on a private Postgres, Redis and NATS. Arguments go to Jest: `npm test -- session`.
// With SEGUE_TEST_POSTGRES, SEGUE_TEST_REDIS and SEGUE_TEST_NATS set, those are used instead.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { runJest } from './jest/run.mjs';
import { build } from './launcher/build.mjs';
import { bringChromium } from './launcher/chromium.mjs';
import { startInfrastructure } from './launcher/infrastructure.mjs';
import { install } from './launcher/install.mjs';
import { underNode24 } from './launcher/node24.mjs';
import { inDev } from './launcher/paths.mjs';
import { isRunning, Processes } from './launcher/processes.mjs';
import { Refusal, report } from './launcher/refusal.mjs';
import { onSignal } from './launcher/signals.mjs';
import { step } from './launcher/steps.mjs';

const variables = ['SEGUE_TEST_POSTGRES', 'SEGUE_TEST_REDIS', 'SEGUE_TEST_NATS'];

/** A run that never came to count is one failure. */
let tally = { passed: 0, failed: 1, skipped: 0 };
try {
  await underNode24();
  await step('Packages', install);
  await step('Build', () => build({ all: true }));
  await step('Chromium', bringChromium);
  tally = variables.every((name) => process.env[name]) ? await runJest(process.env) : await runJestOnItsOwn();
} catch (error) {
  report(error);
}
const { passed, failed, skipped } = tally;
if (failed > 0 || passed === 0) process.exitCode = 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);

async function runJestOnItsOwn() {
  mkdirSync(inDev(), { recursive: true });
  await removeLeftovers();
  const directory = inDev(`test-${process.pid}`);
  const processes = await Processes.claim(directory);
  const interruption = new AbortController();
  onSignal({
    stop: () => interruption.abort(new Refusal('The tests were interrupted.')),
    kill: () => processes.kill(),
  });
  try {
    const { postgres, redis, nats } = await step('Postgres, Redis, NATS', () =>
      startInfrastructure({ processes, directory, logs: directory }),
    );
    const env = { ...process.env, SEGUE_TEST_POSTGRES: postgres, SEGUE_TEST_REDIS: redis, SEGUE_TEST_NATS: nats };
    return await runJest(env, interruption.signal);
  } finally {
    await processes.stop();
    await removeLeftovers();
  }
}

/** What killed runs, and specs of killed runs, left behind. */
async function removeLeftovers() {
  const left = readdirSync(inDev()).filter((name) => name.startsWith('test-') && !isRunning(inDev(name)));
  for (const name of left) {
    await (await Processes.claim(inDev(name))).stop();
    rmSync(inDev(name), { recursive: true, force: true });
  }
}
