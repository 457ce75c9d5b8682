import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { inDev } from './paths.mjs';

const folder = inDev('debian');

/**
 * A program of a Debian or Ubuntu package, unpacked into `.dev/` and not installed: no root, no service, nothing of the
 * system touched. Null where there is no apt or its sources lack the package.
 * @returns {{ command: string, env: NodeJS.ProcessEnv } | null}
 */
export function fromDebian(name, program) {
  const unpacked = join(folder, name);
  if (!existsSync(unpacked) && !unpack(name, unpacked)) return null;
  const command = ['usr/bin', 'usr/sbin'].map((bin) => join(unpacked, bin, program)).find(existsSync);
  return command ? { command, env: { ...process.env, LD_LIBRARY_PATH: librariesOf(unpacked) } } : null;
}

function unpack(name, target) {
  const work = `${target}.unfinished`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, 'packages'), { recursive: true });
  try {
    download(name, join(work, 'packages'));
    for (const file of readdirSync(join(work, 'packages'))) {
      execFileSync('dpkg-deb', ['--extract', join(work, 'packages', file), join(work, 'root')], { stdio: 'ignore' });
    }
    renameSync(join(work, 'root'), target);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function download(name, cwd) {
  try {
    apt(['download', ...missingFor(name, [])], cwd, []);
  } catch {
    // The system's package lists are empty or stale; lists of our own need no root.
    const own = ownLists();
    apt(['update'], cwd, own);
    apt(['download', ...missingFor(name, own)], cwd, own);
  }
}

/** The package and those of its dependencies that this machine lacks. */
function missingFor(name, options) {
  const plan = apt(['install', '--simulate', '--no-install-recommends', name], folder, options);
  return [...plan.matchAll(/^Inst (\S+)/gm)].map(([, missing]) => missing);
}

function apt(args, cwd, options) {
  return execFileSync('apt-get', ['-qq', ...options, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function ownLists() {
  const state = join(folder, 'apt');
  mkdirSync(join(state, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(state, 'cache', 'archives', 'partial'), { recursive: true });
  return ['-o', `Dir::State::Lists=${join(state, 'lists')}`, '-o', `Dir::Cache=${join(state, 'cache')}`];
}

function librariesOf(unpacked) {
  const libraries = ['lib', 'usr/lib']
    .map((lib) => join(unpacked, lib))
    .filter(existsSync)
    .flatMap((lib) =>
      readdirSync(lib)
        .filter((entry) => entry.includes('-linux-'))
        .map((entry) => join(lib, entry)),
    );
  return [...libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
}
