import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execute } from './command.mjs';
import { inDev } from './paths.mjs';

const folder = inDev('debian');
const work = join(folder, `unfinished-${process.pid}`);
const removeWork = () => rmSync(work, { recursive: true, force: true });

/** Keeps what apt reads and writes to ourselves: that needs no root and lets the next call find the index made. */
const ownCache = ['-o', `Dir::Cache=${join(work, 'cache')}`];
const ownLists = [...ownCache, '-o', `Dir::State::Lists=${join(work, 'lists')}`];

/** One package after the other: they share the index. */
let last = Promise.resolve();

/**
 * A program of a Debian or Ubuntu package, unpacked below `.dev/` and not installed: no root, no service, nothing of the
 * system touched. Null where there is no apt or its sources lack the package.
 * @returns {Promise<{ command: string, env: NodeJS.ProcessEnv } | null>}
 */
export async function fromDebian(name, program) {
  const unpacked = join(folder, name);
  last = last.then(() => existsSync(unpacked) || unpack(name, unpacked));
  if (!(await last)) return null;
  const command = ['usr/bin', 'usr/sbin'].map((bin) => join(unpacked, bin, program)).find(existsSync);
  return command ? { command, env: { ...process.env, LD_LIBRARY_PATH: librariesOf(unpacked) } } : null;
}

async function unpack(name, target) {
  const packages = join(work, name);
  for (const needed of [packages, join(work, 'cache/archives/partial'), join(work, 'lists/partial')]) {
    mkdirSync(needed, { recursive: true });
  }
  process.once('exit', removeWork);
  try {
    await download(name, packages);
    const root = join(work, `${name}-root`);
    for (const file of readdirSync(packages)) await execute('dpkg-deb', ['--extract', join(packages, file), root]);
    renameSync(root, target);
    return true;
  } catch {
    return false;
  }
}

async function download(name, cwd) {
  try {
    await apt(['download', ...(await missingFor(name, ownCache))], ownCache, cwd);
  } catch {
    // The system's package lists are empty or stale.
    await apt(['update'], ownLists);
    await apt(['download', ...(await missingFor(name, ownLists))], ownLists, cwd);
  }
}

/** The package and those of its dependencies that this machine lacks. */
async function missingFor(name, options) {
  const plan = await apt(['install', '--simulate', '--no-install-recommends', name], options);
  return [...plan.matchAll(/^Inst (\S+)/gm)].map(([, missing]) => missing);
}

function apt(args, options, cwd) {
  return execute('apt-get', ['-qq', ...options, ...args], { cwd });
}

function librariesOf(unpacked) {
  const libraries = ['lib', 'usr/lib']
    .map((lib) => join(unpacked, lib))
    .filter(existsSync)
    .flatMap((lib) => readdirSync(lib).map((entry) => join(lib, entry)))
    .filter((path) => path.includes('-linux-'));
  return [...libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
}
