import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, matchesGlob, relative } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

export interface Instruction {
  /** 0 for the first `FROM`. */
  readonly stage: number;
  readonly name: string;
  readonly args: string;
}

/** What deploy/Dockerfile says, in order; what stands before the first `FROM` belongs to stage -1. */
export function instructions(): Instruction[] {
  const text = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '');
  let stage = -1;
  return text.split('\n').flatMap((line) => {
    const [, name, args] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (!name || args === undefined) return [];
    if (name === 'FROM') stage += 1;
    return { stage, name, args };
  });
}

export interface Image extends AsyncDisposable {
  /** Its `/segue`. */
  readonly directory: string;
}

/**
 * Does what deploy/Dockerfile says, without an engine: the same files, the same build, the same tree. `npm ci` becomes the
 * packages that are installed here, and `npm prune` those of them that the lock file does not call development; hard links
 * where possible, so nothing may write there. It lies outside the repository, whose packages it must not find.
 */
export async function buildImage(): Promise<Image> {
  const scratch = mkdtempSync(join(tmpdir(), 'segue-image-'));
  const stages = ['build', 'image'].map((name) => join(scratch, name, 'segue'));
  const image = {
    directory: join(scratch, 'image', 'segue'),
    [Symbol.asyncDispose]: async () => rmSync(scratch, { recursive: true, force: true }),
  };
  try {
    for (const { stage, name, args } of instructions()) {
      const here = stages[stage];
      if (!here) continue;
      mkdirSync(here, { recursive: true });
      if (name === 'COPY') copy(args, here, stages);
      if (name === 'RUN') for (const command of args.split(/\s*&&\s*/)) await run(command, here);
    }
    return image;
  } catch (error) {
    await image[Symbol.asyncDispose]();
    throw error;
  }
}

async function run(command: string, directory: string): Promise<void> {
  const modules = join(directory, 'node_modules');
  if (command.startsWith('npm ci')) symlinkSync(join(root, 'node_modules'), modules);
  else if (command.startsWith('npm prune')) await prune(directory);
  // Until then they are the repository's own.
  else if (/node_modules|npm (?!run )/.test(command) && lstatSync(modules).isSymbolicLink()) {
    throw new Error(`before npm prune this is not done here: ${command}`);
  } else await execute('sh', ['-c', command], { cwd: directory });
}

/** @see https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json: `dev` is on what only development needs. */
async function prune(directory: string): Promise<void> {
  rmSync(join(directory, 'node_modules'));
  const packages = Object.entries(lockedPackages()).filter(([path]) => existsSync(join(root, path)) && path !== '');
  const isTop = (path: string) => path.lastIndexOf('node_modules/') === 0;
  const kept = packages.filter(([path, { dev }]) => !dev && isTop(path)).map(([path]) => path);
  const paths = ['--parents', 'node_modules/.bin', ...kept, directory];
  // Another file system takes a copy.
  await execute('cp', ['-al', ...paths], { cwd: root }).catch(() => execute('cp', ['-a', ...paths], { cwd: root }));
  for (const [path, { dev }] of packages) {
    if (dev) rmSync(join(directory, path), { recursive: true, force: true });
  }
}

/** What package-lock.json says of each package. */
export function lockedPackages(): Record<string, { dev?: boolean; hasInstallScript?: boolean }> {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
}

function copy(args: string, here: string, stages: readonly string[]): void {
  const words = args.split(/\s+/);
  const fromBuild = words[0] === '--from=build';
  const sources = words.slice(fromBuild ? 1 : 0, -1);
  const target = words.at(-1) ?? '';
  for (const source of sources) {
    // Node itself is the one that runs this.
    if (source === '/usr/local/bin/node') continue;
    const from = fromBuild ? join(dirname(stages[0] ?? ''), source) : join(root, source);
    const into = target.endsWith('/') ? join(here, target, basename(source)) : join(here, target);
    if (fromBuild) {
      // Nobody needs it there any more.
      mkdirSync(dirname(into), { recursive: true });
      renameSync(from, into);
      continue;
    }
    const sent = (path: string) => statSync(path).isDirectory() || isSent(relative(root, path));
    if (!isSent(source) && !statSync(from).isDirectory()) throw new Error(`${source} is not sent`);
    cpSync(from, into, { recursive: true, filter: sent, verbatimSymlinks: true });
  }
}

const ignored = readFileSync(join(root, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

/** Whether .dockerignore lets a file reach the build: the last line that names it or a folder of it decides. */
function isSent(path: string): boolean {
  const folders = path.split('/').map((_, depth, parts) => parts.slice(0, depth + 1).join('/'));
  const last = ignored.findLast((line) => folders.some((folder) => matchesGlob(folder, line.replace(/^!/, ''))));
  return last?.startsWith('!') ?? true;
}

/** The files of a tree with their sizes and times: whether anything was written. */
export function everyFile(directory: string): string[] {
  return globSync('{*,{apps,deploy,dist,tools}/**/*}', { cwd: directory }).map((path) => {
    const { size, mtimeMs } = statSync(join(directory, path));
    return `${path} ${size} ${mtimeMs}`;
  });
}

/** The packages in a tree of node_modules, as npm names their folders. */
export function packagesIn(directory: string): string[] {
  return Object.keys(lockedPackages()).filter((path) => path !== '' && existsSync(join(directory, path)));
}
