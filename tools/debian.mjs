import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execute } from './command.mjs';
import { inDev } from './paths.mjs';

const folder = inDev('debian');

/**
 * A program of a Debian or Ubuntu package, unpacked below `.dev/` and not installed: no root, no service, nothing of the
 * system touched. Null where there is no apt or its sources lack the package.
 * @returns {Promise<{ command: string, env: NodeJS.ProcessEnv } | null>}
 */
export async function fromDebian(name, program) {
  const unpacked = join(folder, name);
  if (!existsSync(unpacked) && !(await unpack(name, unpacked))) return null;
  const command = ['usr/bin', 'usr/sbin'].map((bin) => join(unpacked, bin, program)).find(existsSync);
  return command ? { command, env: { ...process.env, LD_LIBRARY_PATH: librariesOf(unpacked) } } : null;
}

async function unpack(name, target) {
  const work = `${target}.${process.pid}`;
  const packages = join(work, 'packages');
  mkdirSync(packages, { recursive: true });
  try {
    await download(name, packages);
    for (const file of readdirSync(packages)) {
      await execute('dpkg-deb', ['--extract', join(packages, file), join(work, 'root')]);
    }
    renameSync(join(work, 'root'), target);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function download(name, cwd) {
  try {
    await apt(['download', ...(await missingFor(name, []))], [], cwd);
  } catch {
    // The system's package lists are empty or stale; lists of our own need no root.
    const own = ownLists(cwd);
    await apt(['update'], own);
    await apt(['download', ...(await missingFor(name, own))], own, cwd);
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

function ownLists(work) {
  const [lists, cache] = ['lists', 'cache'].map((part) => join(work, '..', part));
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(cache, 'archives', 'partial'), { recursive: true });
  return ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${cache}`];
}

function librariesOf(unpacked) {
  const libraries = ['lib', 'usr/lib']
    .map((lib) => join(unpacked, lib))
    .filter(existsSync)
    .flatMap((lib) => readdirSync(lib).map((entry) => join(lib, entry)))
    .filter((path) => path.includes('-linux-'));
  return [...libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
}
