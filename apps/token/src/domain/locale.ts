/** The canonical BCP 47 tag of a locale claim (`en_US` is taken as `en-US`), or `null` when it is none. */
export function canonicalLocale(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 35) return null;
  try {
    const tag = new Intl.Locale(value.replaceAll('_', '-')).toString();
    return tag.length > 35 ? null : tag;
  } catch {
    return null;
  }
}
