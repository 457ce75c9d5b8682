/**
 * The JSON Canonicalization Scheme (RFC 8785): members sorted by UTF-16 code units, no white space, numbers and strings
 * as ECMAScript writes them. Two texts of one JSON value always become the same bytes, so a hash over them survives
 * `jsonb`, which reorders members and rewrites numbers.
 *
 * @throws TypeError for what is not I-JSON (RFC 7493) or what Postgres cannot keep: lone surrogates, U+0000, numbers
 * that are not finite, anything that is not JSON
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return canonicalString(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('a number is not finite');
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`${typeof value} is not JSON`);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => `${canonicalString(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

function canonicalString(text: string): string {
  if (!text.isWellFormed() || text.includes('\0')) throw new TypeError('a string cannot be kept');
  return JSON.stringify(text);
}
