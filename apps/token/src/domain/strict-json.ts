const depthLimit = 4;
const memberLimit = 64;

/** Keeps a byte order mark, so that `JSON.parse` refuses it. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a JSON object out of bytes: fatal UTF-8, no byte order mark, no member name twice in one object at any depth,
 * at most 64 members in all and four levels (S-07). Anything else is `null`: both JWT libraries take the last duplicate.
 */
export function parseStrictObject(bytes: Uint8Array): ReadonlyMap<string, unknown> | null {
  try {
    const text = utf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
    return hasPlainShape(text) ? new Map(Object.entries(value)) : null;
  } catch {
    return null;
  }
}

/** Walks over text that is known to be JSON, so only strings, brackets and the colon after a name matter. */
function hasPlainShape(text: string): boolean {
  const open: Set<string>[] = [];
  let members = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') {
      open.push(new Set());
      if (open.length > depthLimit) return false;
    } else if (char === '}' || char === ']') {
      open.pop();
    } else if (char === '"') {
      const end = endOfString(text, at);
      if (isName(text, end)) {
        const name: string = JSON.parse(text.slice(at, end));
        const names = open.at(-1);
        if (!names || names.has(name) || ++members > memberLimit) return false;
        names.add(name);
      }
      at = end - 1;
    }
  }
  return true;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isName(text: string, end: number): boolean {
  let at = end;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\r') at++;
  return text[at] === ':';
}
