/**
 * Whether parameters (a query, a form) are a plain list of names with one value each. A name given twice, or one that
 * some parsers read as an array or an object (`a[]`, `a[b]`, `a.b`), means different things to different readers
 * (S-48, CVE-2026-9689).
 */
export function isSingleValued(parameters: unknown): boolean {
  if (typeof parameters !== 'object' || parameters === null) return true;
  for (const name in parameters) if (typeof parameters[name as never] !== 'string' || /[[\].]/.test(name)) return false;
  return true;
}
