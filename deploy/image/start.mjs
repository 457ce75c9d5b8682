// What the image runs: the service it is told (`docker run segue token`), else the one it was built for (`APP`).
// `migrate` brings the schemas up to date and ends.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '../..');
const programs = {
  migrate: 'tools/migrate.mjs',
  ...Object.fromEntries(readdirSync(join(root, 'dist/apps')).map((name) => [name, `dist/apps/${name}/src/main.js`])),
};

const name = process.argv[2] ?? process.env.APP ?? '';
if (Object.hasOwn(programs, name)) {
  const program = join(root, programs[name]);
  // As if Node had been started with it.
  process.argv.splice(1, 2, program);
  await import(pathToFileURL(program).href);
} else {
  console.error(`"${name}" is nothing that this image runs: ${Object.keys(programs).join(', ')}`);
  process.exitCode = 1;
}
