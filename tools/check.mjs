// npm run check: every static check. All of them run, and every failure is shown.
import { build } from './launcher/build.mjs';
import { execute } from './launcher/command.mjs';
import { install } from './launcher/install.mjs';
import { underNode24 } from './launcher/node24.mjs';
import { inRoot } from './launcher/paths.mjs';
import { report } from './launcher/refusal.mjs';
import { step } from './launcher/steps.mjs';

const packaged = (name, ...args) => execute(inRoot('node_modules', '.bin', name), args);

const checks = {
  'Types (tsc)': build,
  'Format and lint (Biome)': () => packaged('biome', 'ci', '--colors=off'),
  'Imports (dependency-cruiser)': () =>
    packaged('depcruise', '--config', '.dependency-cruiser.cjs', 'apps/**/*.ts', 'libs/**/*.ts', 'test/**/*.ts'),
  'Unused code (knip)': () => packaged('knip', '--no-progress'),
  'Generated pages': () => execute(process.execPath, [inRoot('tools', 'docs.mjs'), '--check']),
};

const tally = { passed: 0, failed: 0 };
try {
  await underNode24();
  await step('Packages', install);
  for (const [name, check] of Object.entries(checks)) {
    tally[(await passes(name, check)) ? 'passed' : 'failed'] += 1;
  }
} catch (error) {
  report(error);
  tally.failed += 1;
}
console.log(`${tally.passed} passed, ${tally.failed} failed`);

async function passes(name, check) {
  try {
    await step(name, async () => void (await check()));
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}
