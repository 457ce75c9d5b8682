import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
const pages = globSync(['*.md', 'docs/**/*.md', '{apps,libs,test}/**/*.md'], { cwd: root }).map((page) =>
  join(root, page),
);

/** The text of a page without its code, where brackets mean something else. */
const prose = (page: string) => readFileSync(page, 'utf8').replaceAll(/^```.*?^```$/gms, '');

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: string): string[] {
  return Array.from(prose(page).matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The links of a page that lead to no file, or to no heading of it. */
function brokenLinks(page: string): string[] {
  const targets = Array.from(prose(page).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target);
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    if (!existsSync(file)) return true;
    return anchor !== undefined && !anchorsOf(file).includes(anchor);
  });
}

describe('the links between pages', () => {
  it('are many', () => expect(pages.flatMap((page) => [...prose(page).matchAll(/\]\(/g)]).length).toBeGreaterThan(30));

  it.each(pages.map((page) => relative(root, page)))('lead somewhere: %s', (page) => {
    expect(brokenLinks(join(root, page))).toEqual([]);
  });
});
