import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startInfrastructure } from '../tools/launcher/infrastructure.mjs';
import { inRoot } from '../tools/launcher/paths.mjs';
import { readJson } from '../tools/launcher/private-json.mjs';
import { Processes } from '../tools/launcher/processes.mjs';
import { newSecrets } from '../tools/launcher/secrets.mjs';
import { migrate } from '../tools/migrate.mjs';
import { pin, stores } from './pinning.mjs';
import { systems } from './systems.mjs';

/** Where the systems of a run stand, each beside stores of its own; whatever is started here ends with `stop`. */
export class Stage {
  #directory;
  #connections;
  #claimed = [];

  constructor(directory, connections) {
    this.#directory = directory;
    this.#connections = connections;
  }

  /**
   * Takes a directory, and first ends and removes what a killed run left there.
   * @param {number} connections of the load to come
   */
  static async take(directory, connections) {
    const left = existsSync(directory) ? readdirSync(directory, { recursive: true }) : [];
    for (const record of left.filter((file) => basename(file) === 'processes.json')) {
      await (await Processes.claim(join(directory, dirname(record)))).stop();
    }
    rmSync(directory, { recursive: true, force: true });
    const stage = new Stage(directory, connections);
    await stage.claim(directory);
    return stage;
  }

  /**
   * Starts a system on fresh stores.
   * @param {string} kind of `systems`
   * @param {string} [name] what it is called where there are several of a kind
   * @returns {Promise<Entered>}
   * @typedef {{ name: string, flows: string, port: number, env: object, groups: Record<string, number>, postgres: string,
   *   whileStopped: (work: () => Promise<void>) => Promise<void> }} Entered
   */
  async enter(kind, name = kind) {
    const directory = join(this.#directory, name.replaceAll(' ', '-'));
    const logs = join(directory, 'logs');
    mkdirSync(logs, { recursive: true });
    const secrets = newSecrets();
    const infrastructure = await startInfrastructure({
      processes: await this.claim(directory),
      directory,
      logs,
      secrets,
    });
    const groups = pidsIn(directory);
    if (systems[kind].hasSchemas) await migrate(infrastructure.postgres, secrets);

    const start = async (again) => {
      const own = await this.claim(join(directory, 'application'));
      const users = this.#connections;
      const started = await systems[kind].start({ processes: own, infrastructure, secrets, logs, users, again });
      const all = { ...started.groups, ...groups };
      pin(all);
      return { own, ...started, groups: all };
    };
    let running = await start();
    const entered = {
      name,
      flows: pathToFileURL(inRoot('bench', systems[kind].flows)).href,
      port: running.port,
      env: running.env,
      groups: running.groups,
      postgres: infrastructure.postgres,
      async whileStopped(work) {
        await running.own.stop();
        await work();
        running = await start({ port: entered.port, env: entered.env });
        entered.groups = running.groups;
      },
    };
    return entered;
  }

  /** A directory for processes that end with the stage. */
  async claim(directory) {
    const processes = await Processes.claim(directory);
    this.#claimed.push(processes);
    return processes;
  }

  /** Ends everything, whoever came last first. */
  async stop() {
    for (const processes of this.#claimed.toReversed()) await processes.stop();
  }

  kill() {
    for (const processes of this.#claimed) processes.kill();
  }
}

/** The launcher records its children by name. */
export function pidsIn(directory) {
  const { children } = readJson(join(directory, 'processes.json'));
  const found = children.filter(({ name }) => stores.includes(name));
  return Object.fromEntries(found.map(({ name, pid }) => [name, pid]));
}
