import { pathToFileURL } from 'node:url';
import { inRoot } from '../launcher/paths.mjs';

/** A module of the build, e.g. `libs/contracts/src/fault.js`. */
export const built = (path) => import(pathToFileURL(inRoot('dist', path)).href);

/** A generated page: what it is made from stands first, so that nobody edits it. */
export function page(title, { from }, ...blocks) {
  const note = `<!-- Generated from ${from} by \`npm run docs\`. Do not edit. -->`;
  return `${[note, `# ${title}`, ...blocks].join('\n\n')}\n`;
}

/** A Markdown table; cells are Markdown. */
export function table(heads, rows) {
  const line = (cells) =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

export const code = (text) => `\`${text}\``;
