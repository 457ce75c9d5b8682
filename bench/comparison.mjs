import { step } from '../tools/launcher/steps.mjs';
import { busTax } from './bus/tax.mjs';
import { inWords, load, measure } from './measuring.mjs';
import { residentMiB } from './meter.mjs';
import { tables } from './tables.mjs';

/**
 * Segue beside what one would write by hand and the least it could cost; then what the bus costs, and all in one process.
 * @param {import('./stage.mjs').Stage} stage
 * @param {{ names: string[], flows: string[], plan: import('./measuring.mjs').Plan, directory: string }} options
 */
export async function compare(stage, { names, flows, plan, directory }) {
  const systems = [];
  for (const name of names) {
    await step(`Start ${name}`, async () => void systems.push(await stage.enter(name)));
  }
  const figures = await measure(systems, flows, plan);
  if (names.includes('segue')) {
    figures.bus = await busTax(stage, { plan, directory });
    if (!plan.isRough) figures.memory.push(await oneProcess(stage, flows, plan));
  }
  return { how: inWords(plan), says: tables(figures), figures };
}

/** Its memory is as full by then as it gets. */
const oneProcessMs = 4_000;

/** What the five services hold as one process, loaded with every flow. */
async function oneProcess(stage, flows, { connections, steady: { halfMs } }) {
  const steady = { halfMs, mostMs: oneProcessMs, within: 0 };
  const system = await stage.enter('one process');
  for (const flow of flows) {
    await step(`${system.name}, ${flow}`, async () => void (await load(system, { flow, connections, steady })));
  }
  return { name: system.name, resident: residentMiB(system.groups) };
}
