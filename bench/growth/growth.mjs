import { step } from '../../tools/launcher/steps.mjs';
import { growth, row } from '../goals.mjs';
import { digits, table } from '../markdown.mjs';
import { inWords, load, measure } from '../measuring.mjs';
import { summary } from '../summary.mjs';
import { fill } from './fill.mjs';

/** Flows that leave rows of every kind behind. */
const writing = ['F1', 'F2', 'F3', 'F4'];

/**
 * The same flows on few and on many users, sessions and facts, side by side.
 * @param {import('../stage.mjs').Stage} stage
 * @param {{ sizes: number[], flows: string[], plan: import('../measuring.mjs').Plan }} options
 */
export async function grow(stage, { sizes, flows, plan }) {
  const systems = [];
  for (const size of sizes.toSorted((a, b) => a - b)) systems.push(await grown(stage, size));
  const figures = await measure(systems, flows, { ...plan, aloneMs: 0 });
  const rows = `Rows in each table: ${systems.map(({ name }) => name).join(' · ')}.`;
  return { how: `${inWords(plan)} ${rows}`, says: growthTables(systems, flows, figures), figures };
}

async function grown(stage, size) {
  const name = size.toLocaleString('en');
  let system;
  await step(`Start Segue for ${name}`, async () => {
    system = await stage.enter('segue', name);
  });
  for (const flow of writing) await load(system, { flow, connections: 4, warmupMs: 100, windowMs: 100 });
  system.env = { ...system.env, population: size };
  await system.whileStopped(() => fill(system, size));
  return system;
}

function growthTables(systems, flows, { windows }) {
  const of = (flow, name) => summary(windows.filter((each) => each.flow === flow && each.name === name));
  const [least, most] = [systems[0].name, systems.at(-1).name];
  const ratio = (flow, value) => value(of(flow, most)) / value(of(flow, least));
  const together = ({ application, cpu }) => application + cpu.Postgres + cpu.Redis;
  const head = ['CPU µs/op', ...systems.flatMap(({ name }) => [`${name}: application`, 'Postgres', 'errors'])];
  const costs = flows.map((flow) => [
    flow,
    ...systems.flatMap(({ name }) => {
      const { application, cpu, errors } = of(flow, name);
      return [digits(application, 0), digits(cpu.Postgres, 0), errors];
    }),
  ]);
  const goals = flows.map((flow) => row(`${flow}: everything, ${most} / ${least}`, ratio(flow, together), 2, growth));
  return `${table(head, costs)}\n\n${table(['', 'measured', 'must', 'moonshot', ''], goals)}`;
}
