import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
const rows = [...readFileSync(join(root, 'docs/threats.md'), 'utf8').matchAll(/\| `([^`]+\.spec\.ts)` › (.+) \|$/gm)];

/** S-122: every row of the published table names a test that is there. */
describe('docs/threats.md', () => {
  it('has rows', () => expect(rows.length).toBeGreaterThan(30));

  it.each(rows.map(([, file, name]) => ({ file: file ?? '', name: name ?? '' })))('$file › $name', ({ file, name }) => {
    const source = readFileSync(join(root, file), 'utf8');
    const titles = [...source.matchAll(/(?:describe|it)(?:\.each\([^)]*\))?\(\s*(['"`])(.+?)\1/g)].map(
      ([, , title]) => title,
    );
    expect(titles).toContain(name);
  });
});
