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

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const braceOpen = 0x7b;
const braceClose = 0x7d;
const bracketOpen = 0x5b;
const bracketClose = 0x5d;

/** Walks over text that is known to be JSON, so only strings, brackets and the colon after a name matter. */
function hasPlainShape(text: string): boolean {
  const open: Set<string>[] = [];
  let members = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === braceOpen || code === bracketOpen) {
      open.push(new Set());
      if (open.length > depthLimit) return false;
    } else if (code === braceClose || code === bracketClose) {
      open.pop();
    } else if (code === quote) {
      const end = endOfString(text, at);
      if (isName(text, end)) {
        const name = nameAt(text, at, end);
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
  for (let code = text.charCodeAt(at); code !== quote; code = text.charCodeAt(at)) at += code === backslash ? 2 : 1;
  return at + 1;
}

function isName(text: string, end: number): boolean {
  let at = end;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\r') at++;
  return text.charCodeAt(at) === colon;
}

/** Two names are the same however they are escaped. */
function nameAt(text: string, start: number, end: number): string {
  const inside = text.slice(start + 1, end - 1);
  return inside.includes('\\') ? JSON.parse(text.slice(start, end)) : inside;
}
