/**
 * A string of 1 to `most` code points, well-formed and without control characters: Postgres would refuse the one and
 * silently merge the other (state.md, "A user").
 */
export function isText(value: unknown, most: number): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > most * 2) return false;
  if (value.length > most && [...value].length > most) return false;
  return value.isWellFormed() && !/\p{Cc}/u.test(value);
}
