/**
 * Whether parameters (a query, a form) are a plain list of names with one value each. A name given twice, or one that
 * some parsers read as an array or an object (`a[]`, `a[b]`, `a.b`), means different things to different readers
 * (S-48, CVE-2026-9689).
 */
export function isSingleValued(parameters: unknown): boolean {
  if (typeof parameters !== 'object' || parameters === null) return true;
  return Object.entries(parameters).every(([name, value]) => typeof value === 'string' && !/[[\].]/.test(name));
}
