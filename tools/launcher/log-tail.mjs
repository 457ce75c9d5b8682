import { readFileSync } from 'node:fs';

/** The end of a log file, indented for the terminal; JSON lines are shortened to what a person reads. */
export function lastLines(path, count = 8) {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count).filter(Boolean).map(readable);
  return lines.length === 0 ? '' : `\nThe end of ${path}:\n${lines.map((line) => `    ${line}`).join('\n')}`;
}

function readable(line) {
  try {
    const { level, msg, err } = JSON.parse(line);
    return [level, msg, err?.message].filter((part) => part !== undefined).join(' ');
  } catch {
    return line;
  }
}
