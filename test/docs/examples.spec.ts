import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from '../support/http.js';
import { type Stack, startMs, startStack } from '../support/stack.js';
import { trusting } from '../support/trusting.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const protocols = join(root, 'docs/protocols');
const examples = readdirSync(join(protocols, 'examples')).filter((name) => name.endsWith('.mjs'));
const pages = readdirSync(protocols).filter((name) => name.endsWith('.md'));

const hasShell = ['bash', 'curl'].every((program) => spawnSync(program, ['--version']).status === 0);
if (!hasShell) process.stderr.write('\nSKIPPED the shell blocks of docs/protocols: no bash or no curl here\n\n');

/** How long an example may take, in milliseconds. */
const patience = 20_000;

describe('the pages', () => {
  let stack: Stack;
  /** Where a reader stands: a directory in which `npm start` has left its `.dev/run.json`. */
  let directory: string;

  beforeAll(async () => {
    stack = await startStack();
    // An SDK's token is no session's: whether it holds is known once the revocations are.
    await trusting(stack);
    directory = mkdtempSync(join(tmpdir(), 'segue-docs-'));
    mkdirSync(join(directory, '.dev'));
    const running = { gateway: stack.url, adminKey: stack.adminKey };
    writeFileSync(join(directory, '.dev', 'run.json'), JSON.stringify(running));
  }, startMs);
  afterAll(async () => {
    await stack?.stop();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  it('README.md has a first hand-off that signs in', async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const [, program = ''] = /^```js\n(\/\/ hand-off\.mjs.*?)^```$/ms.exec(readme) ?? [];
    writeFileSync(join(directory, 'hand-off.mjs'), program);
    const { stdout } = await run(process.execPath, ['hand-off.mjs'], { cwd: directory, timeout: patience });
    const landing = await request(stdout.trim());
    expect([landing.status, landing.headers['location'], landing.cookies.length]).toEqual([303, '/demo', 1]);
  });

  it('of the protocols have one example each', () => {
    expect(examples.map((name) => basename(name, '.mjs')).sort()).toEqual(
      pages.map((name) => basename(name, '.md')).sort(),
    );
  });

  it.each(pages)('%s names its example', (page) => {
    expect(textOf(page)).toContain(`examples/${basename(page, '.md')}.mjs`);
  });

  it.each(examples)(
    'examples/%s does what it says',
    async (name) => {
      const { stdout } = await run(process.execPath, [join(protocols, 'examples', name)], {
        cwd: directory,
        env: { PATH: process.env['PATH'], SEGUE_URL: stack.url, SEGUE_ADMIN_KEY: stack.adminKey },
        timeout: patience,
      });
      expect(stdout.trim().split('\n').length).toBeGreaterThan(2);
      expect(stdout).not.toContain(stack.adminKey);
    },
    patience + 5_000,
  );

  (hasShell ? it : it.skip).each(pages.filter((page) => shellBlocks(page).length > 0))(
    '%s has commands that work as they stand',
    async (page) => {
      // One shell for a page, as one reader has: a variable of an earlier block holds in a later one.
      const script = shellBlocks(page)
        .map(({ line, text }) => `echo '${page}:${line}' >&2\n${text}`)
        .join('\n');
      await run('bash', ['-eu', '-o', 'pipefail', '-c', script], {
        cwd: directory,
        env: { PATH: process.env['PATH'] },
        timeout: patience,
      });
    },
    patience + 5_000,
  );
});

function textOf(page: string): string {
  return readFileSync(join(protocols, page), 'utf8');
}

/** What a page tells its reader to type, and where it stands. */
function shellBlocks(page: string): { line: number; text: string }[] {
  const text = textOf(page);
  return Array.from(text.matchAll(/^```sh\n(.*?)^```$/gms), (block) => ({
    line: text.slice(0, block.index).split('\n').length + 1,
    text: block[1] ?? '',
  }));
}
