import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines } from './log-tail.mjs';
import { readJson, writePrivateJson } from './private-file.mjs';
import { Refusal } from './refusal.mjs';

const STOP_MS = 15_000;

/**
 * The child processes of one launcher. They run detached, so that Ctrl-C reaches only the launcher, which ends them in
 * order. `processes.json` names them (and the launcher) by pid and start time: whatever a killed launcher leaves
 * behind is found, and a pid that meanwhile belongs to somebody else is left alone.
 */
export class Processes {
  #file;
  #children = [];
  #stopping = false;

  constructor(file) {
    this.#file = file;
  }

  /** Takes a directory for this process: ends what a killed launcher left there, refuses while another one lives. */
  static async claim(directory) {
    const file = join(directory, 'processes.json');
    const left = readJson(file);
    if (left?.owner && isAlive(left.owner)) throw new AlreadyRunning(left.owner.pid);
    if (left) await end(left.children);
    rmSync(file, { force: true });
    mkdirSync(directory, { recursive: true });
    const claimed = new Processes(file);
    try {
      writeFileSync(file, claimed.#record(), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if (error.code === 'EEXIST') throw new AlreadyRunning(readJson(file).owner?.pid);
      throw error;
    }
    return claimed;
  }

  /** Whether a directory's launcher, or every child it detached, is alive. */
  static alive(directory) {
    const known = readJson(join(directory, 'processes.json'));
    if (!known) return false;
    return known.owner ? isAlive(known.owner) : known.children.length > 0 && known.children.every(isAlive);
  }

  /**
   * Starts a child whose output goes to `log`. Children of a higher `layer` stop before those of a lower one; those of
   * one layer stop together.
   * @returns {{ name: string, pid: number, log: string, exited: Promise<string> }} `exited` tells how it ended.
   */
  start({ name, layer, command, args, env = process.env, signal = 'SIGTERM', log }) {
    if (this.#stopping) throw new Refusal(`${name} was not started: everything is being stopped.`);
    mkdirSync(dirname(log), { recursive: true });
    const output = openSync(log, 'a', 0o600);
    const child = spawn(command, args, { detached: true, stdio: ['ignore', output, output], env });
    closeSync(output);
    const exited = new Promise((resolve) => {
      child.once('exit', (code, by) => resolve(by ?? `exit code ${code}`));
      child.once('error', (error) => resolve(error.message));
    });
    if (child.pid !== undefined) {
      this.#children.push({ name, layer, signal, pid: child.pid, started: startTime(child.pid) });
      writePrivateJson(this.#file, JSON.parse(this.#record()));
    }
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

  /** Leaves the children running when this process ends; the next one to claim the directory ends them. */
  detach() {
    writePrivateJson(this.#file, { owner: null, children: this.#children });
  }

  #record() {
    return JSON.stringify({ owner: identity(process.pid), children: this.#children });
  }
}
