import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { inRoot } from '../tools/launcher/paths.mjs';
import { step } from '../tools/launcher/steps.mjs';
import { residentMiB } from './meter.mjs';
import { canPin } from './pinning.mjs';

/**
 * How a run measures.
 * @typedef {{ isRough: boolean, rounds: number, windowMs: number, aloneMs: number, connections: number,
 *   steady: { halfMs: number, mostMs: number, within: number } }} Plan
 */

/** The load generator begins afresh each time: so long it may compile its own code. */
const warmupMs = 400;

/**
 * All systems run from beginning to end, on stores of their own, so that nobody is measured cold. First each is loaded
 * until it is steady, flow by flow; then short windows take turns: the machine's speed drifts, and that way it drifts for
 * all. Last, when nothing is left to do, the same with one connection.
 * @param {import('./stage.mjs').Entered[]} systems
 * @param {string[]} flows
 * @param {Plan} plan
 * @returns {Promise<{ windows: object[], alone: object[], warmed: object[], memory: object[] }>}
 */
export async function measure(systems, flows, plan) {
  const { rounds, windowMs, aloneMs, connections, steady } = plan;
  const turns = flows.flatMap((flow) => systems.map((system) => ({ system, flow })));
  const each = (label, job, order = turns) =>
    inTurn(order, async ({ system, flow }) => ({
      name: system.name,
      flow,
      ...(await shown(`${system.name}, ${flow}${label}`, () => load(system, { flow, ...job }))),
    }));

  const warmed = await each(' until steady', { connections, steady });
  const windows = [];
  for (let round = 1; round <= rounds; round++) {
    // Whoever goes first in one round goes last in the next.
    const order = round % 2 ? turns : turns.toReversed();
    windows.push(...(await each(`, round ${round}`, { connections, warmupMs, windowMs }, order)));
  }
  const memory = systems.map(({ name, groups }) => ({ name, resident: residentMiB(groups) }));
  const alone = aloneMs ? await each(' alone', { connections: 1, warmupMs, windowMs: aloneMs }) : [];
  return { windows, alone, warmed, memory };
}

async function inTurn(all, work) {
  const results = [];
  for (const each of all) results.push(await work(each));
  return results;
}

async function shown(label, work) {
  let figure;
  await step(label, async () => {
    figure = await work();
    const { perSecond, seconds, isSteady, errors, firstError } = figure;
    const found = perSecond
      ? `${Math.round(perSecond)}/s`
      : `${isSteady ? 'after' : 'not within'} ${seconds.toFixed(0)} s`;
    return `${found}${errors ? `, ${errors} errors: ${firstError}` : ''}`;
  });
  return figure;
}

/** Runs one job of a load generator (load.mjs) against a system. */
export function load({ flows, port, env, groups }, job) {
  const text = JSON.stringify({ flows, port, env, groups, ...job });
  const command = [process.execPath, inRoot('bench', 'load.mjs'), text];
  const [program, ...args] = canPin ? ['taskset', '-c', String(availableParallelism() - 1), ...command] : command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(JSON.parse(output)) : reject(new Error('the load ended early')),
    );
  });
}

/** How it was measured, for whoever reads the figures. */
export function inWords({ isRough, rounds, windowMs, connections }) {
  const rough = isRough ? ' A quick run: hardly anything was warm, and the figures are rough.' : '';
  return `Windows: ${rounds} of ${windowMs / 1000} s, medians; connections: ${connections}.${rough}`;
}
