import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines } from './log-tail.mjs';
import { readJson, writePrivateJson } from './private-json.mjs';
import { identify, isAlive, send } from './process-identity.mjs';
import { Refusal } from './refusal.mjs';

const STOP_MS = 15_000;
const READY_MS = 30_000;

/**
 * The child processes of one launcher. They run detached, so that Ctrl-C reaches only the launcher, which ends them in
 * order. `processes.json` names them (and the launcher) by pid and start time: whatever a killed launcher left behind
 * is found, and a pid that meanwhile belongs to somebody else is left alone.
 */
export class Processes {
  #file;
  #children = [];
  #handles = [];
  #stopping = false;
  #tellEnd;

  /** Resolves to `{ name, how, log }` when a child ends without being told to. */
  firstEnd = new Promise((resolve) => {
    this.#tellEnd = resolve;
  });

  /** How many processes of a killed launcher had to be ended. */
  leftovers;

  constructor(file, leftovers) {
    this.#file = file;
    this.leftovers = leftovers;
  }

  /** Takes a directory for this process: ends what a killed launcher left there, refuses while another one lives. */
  static async claim(directory) {
    const file = recordIn(directory);
    const left = readJson(file);
    if (left?.owner && isAlive(left.owner)) throw new AlreadyRunning(left.owner.pid);
    const leftovers = left?.children.filter(isAlive) ?? [];
    await end(leftovers);
    rmSync(file, { force: true });
    mkdirSync(directory, { recursive: true });
    try {
      const record = { owner: identify(process.pid), children: [] };
      writeFileSync(file, JSON.stringify(record), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if (error.code === 'EEXIST') throw new AlreadyRunning(readJson(file)?.owner?.pid);
      throw error;
    }
    return new Processes(file, leftovers.length);
  }

  /**
   * Starts a child whose output goes to the file `log`. Children of a higher `layer` stop before those of a lower one,
   * those of one layer together. `exited` tells how it ended.
   * @returns {{ name: string, pid: number | undefined, log: string, exited: Promise<string> }}
   */
  start({ name, layer, command, args, env = process.env, signal = 'SIGTERM', log }) {
    if (this.#stopping) throw new Refusal(`${name} was not started, because everything is being stopped.`);
    mkdirSync(dirname(log), { recursive: true });
    const output = openSync(log, 'a', 0o600);
    const child = spawn(command, args, { detached: true, stdio: ['ignore', output, output], env });
    closeSync(output);
    const exited = new Promise((resolve) => {
      child.once('exit', (code, by) => resolve(by ?? `exit code ${code}`));
      child.once('error', (error) => resolve(error.message));
    });
    if (child.pid !== undefined) this.#remember({ name, layer, signal, ...identify(child.pid) });
    this.#handles.push(child);
    exited.then((how) => {
      if (!this.#stopping) this.#tellEnd({ name, how, log });
    });
    return { name, pid: child.pid, log, exited };
  }

  /** Ends all children, the highest layer first, and gives the directory back. */
  async stop() {
    this.#stopping = true;
    await end(this.#children);
    rmSync(this.#file, { force: true });
  }

  /** Ends all children at once, the hard way. */
  kill() {
    this.#stopping = true;
    for (const child of this.#children) send(child, 'SIGKILL');
    rmSync(this.#file, { force: true });
  }

  /** Leaves the children running when this process ends; whoever claims the directory next ends them. */
  detach() {
    for (const child of this.#handles) child.unref();
    writePrivateJson(this.#file, { owner: null, children: this.#children });
  }

  #remember(child) {
    this.#children.push(child);
    writePrivateJson(this.#file, { owner: identify(process.pid), children: this.#children });
  }
}

/** Another launcher holds the directory. */
class AlreadyRunning extends Refusal {
  constructor(pid) {
    super(`Already running as process ${pid}: stop that one first (Ctrl-C in its terminal, or kill ${pid}).`);
  }
}

/** Whether a directory's launcher, or everything it left running on purpose, is alive. */
export function isRunning(directory) {
  const record = readJson(recordIn(directory));
  if (!record) return false;
  return record.owner ? isAlive(record.owner) : record.children.length > 0 && record.children.every(isAlive);
}

/** Waits until `probe` resolves without throwing. A child that ends before, or never answers, is a refusal. */
export async function whenReady(child, probe) {
  let ended = null;
  child.exited.then((how) => {
    ended = how;
  });
  const deadline = Date.now() + READY_MS;
  for (;;) {
    try {
      return await probe();
    } catch (problem) {
      if (ended) throw new Refusal(`${child.name} ended while starting (${ended}).${lastLines(child.log)}`);
      if (Date.now() > deadline) {
        throw new Refusal(
          `${child.name} is not ready after ${READY_MS / 1000} s (${problem.message}).${lastLines(child.log)}`,
        );
      }
      await sleep(20);
    }
  }
}

const recordIn = (directory) => join(directory, 'processes.json');

async function end(children) {
  const layers = [...new Set(children.map(({ layer }) => layer))].sort((one, other) => other - one);
  for (const layer of layers) await Promise.all(children.filter((child) => child.layer === layer).map(endOne));
}

async function endOne(child) {
  send(child, child.signal);
  if (await hasEnded(child)) return;
  send(child, 'SIGKILL');
  await hasEnded(child);
}

async function hasEnded(child) {
  for (const deadline = Date.now() + STOP_MS; Date.now() < deadline; await sleep(20)) {
    if (!isAlive(child)) return true;
  }
  return false;
}
