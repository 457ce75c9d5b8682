import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execute } from './command.mjs';
import { inRoot } from './paths.mjs';

const output = inRoot('dist');
const compiler = inRoot('node_modules', '.bin', 'tsc');

/** Compiles what changed, or with `all` everything, and removes what no source stands behind any more. */
export async function build({ all = false } = {}) {
  if (all) rmSync(join(output, 'tsconfig.tsbuildinfo'), { force: true });
  // The browser's part knows the DOM and nothing of Node; its specs need what it becomes.
  for (const project of ['libs/browser', 'tsconfig.json']) await execute(compiler, ['-p', project]);
  removeOrphans();
}

/** A renamed spec or migration would still run. */
function removeOrphans() {
  for (const folder of ['apps', 'libs', 'test'].filter((name) => existsSync(join(output, name)))) {
    for (const file of readdirSync(join(output, folder), { recursive: true })) {
      const source = inRoot(folder, file.replace(/\.js(\.map)?$/, '.ts'));
      if (source.endsWith('.ts') && !existsSync(source)) rmSync(join(output, folder, file));
    }
  }
}
