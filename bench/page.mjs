import { readFileSync, writeFileSync } from 'node:fs';
import { inRoot } from '../tools/launcher/paths.mjs';

const page = inRoot('docs', 'performance.md');

/** Puts the tables of a run into docs/performance.md, between the two marks of that kind of run. */
export function writeSection(kind, text) {
  const [begin, end] = [`<!-- bench: ${kind} -->`, `<!-- end of bench: ${kind} -->`];
  const before = readFileSync(page, 'utf8');
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no place for ${kind}`);
  writeFileSync(page, `${before.slice(0, from)}${begin}\n\n${text}\n\n${before.slice(to)}`);
}
