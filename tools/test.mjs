// npm test: all specs on a private Postgres, Redis and NATS. Arguments go to Jest: `npm test -- session`.
// With SEGUE_TEST_POSTGRES, SEGUE_TEST_REDIS and SEGUE_TEST_NATS set, those are used instead.
import { readdirSync, rmSync } from 'node:fs';
import { build } from './build.mjs';
import { startInfrastructure } from './infrastructure.mjs';
import { install } from './install.mjs';
import { runJest } from './jest/run.mjs';
import { underNode24 } from './node24.mjs';
import { inDev } from './paths.mjs';
import { isRunning, Processes } from './processes.mjs';
import { report } from './refusal.mjs';
import { onSignal } from './signals.mjs';
import { step } from './steps.mjs';

const variables = ['SEGUE_TEST_POSTGRES', 'SEGUE_TEST_REDIS', 'SEGUE_TEST_NATS'];

/** A run that never came to count is one failure. */
let tally = { passed: 0, failed: 1, skipped: 0 };
try {
  await underNode24();
  await step('Packages', install);
  await step('Build', () => build({ all: true }));
  tally = variables.every((name) => process.env[name]) ? await runJest(process.env) : await runJestOnItsOwn();
} catch (error) {
  report(error);
}
const { passed, failed, skipped } = tally;
if (failed > 0 || passed === 0) process.exitCode = 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);

async function runJestOnItsOwn() {
  await removeLeftovers();
  const directory = inDev(`test-${process.pid}`);
  const processes = await Processes.claim(directory);
  const stop = async () => {
    await processes.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  onSignal({ stop, kill: () => processes.kill() });
  try {
    const { postgres, redis, nats } = await step('Postgres, Redis, NATS', () =>
      startInfrastructure({ processes, directory, logs: directory }),
    );
    return await runJest({
      ...process.env,
      SEGUE_TEST_POSTGRES: postgres,
      SEGUE_TEST_REDIS: redis,
      SEGUE_TEST_NATS: nats,
    });
  } finally {
    await stop();
  }
}

/** What killed runs left behind. */
async function removeLeftovers() {
  const others = readdirSync(inDev()).filter((name) => name.startsWith('test-') && !isRunning(inDev(name)));
  for (const name of others) {
    await (await Processes.claim(inDev(name))).stop();
    rmSync(inDev(name), { recursive: true, force: true });
  }
}
