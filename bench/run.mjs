// npm run bench: Segue beside what one would write by hand and beside the least it could cost, in one run.
import { rmSync, writeFileSync } from 'node:fs';
import { build } from '../tools/launcher/build.mjs';
import { install } from '../tools/launcher/install.mjs';
import { underNode24 } from '../tools/launcher/node24.mjs';
import { inDev } from '../tools/launcher/paths.mjs';
import { report } from '../tools/launcher/refusal.mjs';
import { onSignal } from '../tools/launcher/signals.mjs';
import { step } from '../tools/launcher/steps.mjs';
import { compare } from './comparison.mjs';
import { grow } from './growth/growth.mjs';
import { machine } from './machine.mjs';
import { readOptions } from './options.mjs';
import { writeSection } from './page.mjs';
import { soak } from './soak.mjs';
import { Stage } from './stage.mjs';

/** Each answers `{ says, figures }`: its tables, what it measured by in words, and every figure. */
const modes = { comparison: compare, growth: grow, soak };

try {
  const options = readOptions();
  if (options.help) console.log(options.help);
  else await run(options);
} catch (error) {
  report(error);
}

async function run(options) {
  await underNode24();
  const began = performance.now();
  await step('Packages', install);
  await step('Build', build);
  const directory = inDev('bench');
  const stage = await Stage.take(directory, options.plan.connections);
  onSignal({ stop: () => stage.stop().then(() => process.exit(130)), kill: () => stage.kill() });
  try {
    const { how, says, figures } = await modes[options.mode](stage, { ...options, directory });
    const date = new Date().toISOString().slice(0, 10);
    const minutes = ((performance.now() - began) / 60_000).toFixed(1);
    const text = `${date}, \`${command()}\`, ${minutes} minutes. ${await machine()}. ${how}\n\n${says}`;
    console.log(`\n${text}`);
    if (options.out) writeFileSync(options.out, JSON.stringify({ date, figures }, null, 1));
    if (options.write) writeSection(options.mode, text);
  } finally {
    await stage.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function command() {
  const given = process.argv.slice(2).filter((word) => word !== '--write');
  const words = given.map((word) => (word.includes(' ') ? `"${word}"` : word));
  return words.length > 0 ? `npm run bench -- ${words.join(' ')}` : 'npm run bench';
}
