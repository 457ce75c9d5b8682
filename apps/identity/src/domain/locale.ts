/** The canonical BCP 47 tag (`en_US` is taken as `en-US`), or `null` when it is none. */
export function canonicalLocale(text: string): string | null {
  try {
    const tag = new Intl.Locale(text.replaceAll('_', '-')).toString();
    return tag.length > 35 ? null : tag;
  } catch {
    return null;
  }
}
