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
  if (typeof value === 'number') return canonicalNumber(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object') throw new TypeError(`${typeof value} is not JSON`);
  return Array.isArray(value) ? `[${value.map(canonicalJson).join(',')}]` : canonicalObject(value);
}

/** The same of a string alone. */
export function canonicalString(text: string): string {
  if (isPlain.test(text)) return `"${text}"`;
  if (!text.isWellFormed() || text.includes('\0')) throw new TypeError('a string cannot be kept');
  return JSON.stringify(text);
}

/** One text that grows: a fact is made canonical when it comes, and every entry again when its chain is verified. */
function canonicalObject(value: object): string {
  let members = '';
  for (const name of Object.keys(value).sort()) {
    const member: unknown = value[name as keyof typeof value];
    if (member === undefined) continue;
    members += `${members && ','}${canonicalString(name)}:${canonicalJson(member)}`;
  }
  return `{${members}}`;
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError('a number is not finite');
  return String(value);
}

/** Nothing to escape, as in nearly every string of a fact. */
const isPlain = /^[ !#-[\]-~]*$/;
