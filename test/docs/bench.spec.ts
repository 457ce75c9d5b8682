import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
const bench = (...args: string[]) => promisify(execFile)(process.execPath, ['bench/run.mjs', ...args], { cwd: root });

it('the bench says what it can do, and the page of its figures has a place for each', async () => {
  const { stdout } = await bench('--help');
  for (const flow of ['F1', 'F2', 'F3', 'F4', 'F5', 'F5-first']) expect(stdout).toContain(`\n  ${flow} `);
  const page = readFileSync(join(root, 'docs/performance.md'), 'utf8');
  for (const kind of ['comparison', 'growth', 'soak']) {
    expect(page).toMatch(new RegExp(`<!-- bench: ${kind} -->[^]*<!-- end of bench: ${kind} -->`));
  }
});

it('the bench measures and ends', async () => {
  const { stdout } = await bench('--quick', '--flows', 'F5', '--only', 'floor', '--seconds', '0.3');
  expect(stdout).toMatch(/^\| floor \| [1-9]\d* \| .* \| 0 \|$/m);
});

it('the bench refuses what it does not know', async () => {
  await expect(bench('--flows', 'F9')).rejects.toThrow('There is no flow "F9"');
});
