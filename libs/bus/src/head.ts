// Headers of a message as the text they are on the wire. nats.js keeps them in a map of arrays that it validates, searches
// and puts together name by name: 3 KiB for the two headers of an ask, 12 KiB for the ten of a fact.

/** What the head of every message begins with. */
export const headStart = 'NATS/1.0\r\n';

/**
 * One header, to be set between `headStart` and an empty line.
 *
 * @throws Error where the value would end its line: what follows would be read as another header, or as the body
 */
export function headLine(name: string, value: string): string {
  if (value.includes('\n') || value.includes('\r')) throw new Error(`the header ${name} holds a line break`);
  return `${name}: ${value}\r\n`;
}

/** The value of the first header of this very name; '' where there is none. */
export function headValue(head: string, name: string): string {
  const line = `\r\n${name}:`;
  const at = head.indexOf(line);
  if (at < 0) return '';
  const from = at + line.length;
  return head.slice(from, head.indexOf('\r\n', from)).trim();
}
