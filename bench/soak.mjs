import { setTimeout as sleep } from 'node:timers/promises';
import { step } from '../tools/launcher/steps.mjs';
import { digits, table } from './markdown.mjs';
import { residentMiB } from './meter.mjs';
import { Pace } from './pace.mjs';

const minuteMs = 60_000;
/** What a start leaves to be compiled and filled is no leak. */
const settlingMinutes = 2;

/**
 * All flows mixed at a modest rate, and what each process holds every minute.
 * @param {import('./stage.mjs').Stage} stage
 * @param {{ minutes: number, rate: number, flows: string[] }} options
 */
export async function soak(stage, { minutes, rate, flows }) {
  let system;
  await step('Start segue', async () => {
    system = await stage.enter('segue');
  });
  const module = await import(system.flows);
  const mixed = Object.fromEntries(flows.map((name) => [name, module.flows[name]]));
  const pace = new Pace({ port: system.port, env: system.env, flows: mixed, rate });
  const began = performance.now();
  const samples = [];
  for (let minute = 1; minute <= minutes; minute++) {
    await step(`Minute ${minute} of ${minutes}`, async () => {
      await sleep(began + minute * minuteMs - performance.now());
      const resident = residentMiB(system.groups);
      samples.push({ minute, resident });
      const held = Object.entries(resident).map(([name, size]) => `${name} ${Math.round(size)}`);
      return `${held.join(', ')}${pace.errors.length ? `; ${pace.errors.length} errors: ${pace.errors[0]}` : ''}`;
    });
  }
  pace.stop();
  const { done, late, errors } = pace;
  const how = `${flows.join(', ')} in turn, ${rate} operations a second, ${minutes} min: ${done} done, ${errors.length} failed, ${late} without a free connection.`;
  return { how, says: soakTable(samples), figures: { samples, done, late, errors } };
}

function soakTable(samples) {
  const settled = samples.slice(Math.min(settlingMinutes, samples.length - 1));
  const line = (name, value) => {
    const values = settled.map(({ resident }) => value(resident));
    const most = Math.max(...samples.map(({ resident }) => value(resident)));
    return [
      name,
      ...[value(samples[0].resident), values[0], values.at(-1), most].map((each) => digits(each, 0)),
      digits(slope(values), 2),
    ];
  };
  const names = Object.keys(samples[0].resident);
  const services = names.filter((name) => !['Postgres', 'Redis', 'NATS'].includes(name));
  const lines = [
    ...names.map((name) => line(name, (resident) => resident[name])),
    line('five processes', (resident) => services.reduce((sum, name) => sum + resident[name], 0)),
  ];
  const first = settled[0].minute;
  return table(
    ['MiB resident', 'minute 1', `minute ${first}`, `minute ${samples.at(-1).minute}`, 'most', 'MiB a minute'],
    lines,
  );
}

/** Least squares, per sample. */
function slope(values) {
  const mean = (all) => all.reduce((sum, each) => sum + each, 0) / all.length;
  const [x, y] = [(values.length - 1) / 2, mean(values)];
  const squares = values.reduce((sum, _, index) => sum + (index - x) ** 2, 0);
  return values.reduce((sum, each, index) => sum + (index - x) * (each - y), 0) / squares;
}
