/** An e-mail as it is kept, and the form under which it is unique within a client (S-35). */
export interface Email {
  /** As given, in NFC, with the domain in ASCII lower case: what is shown. */
  readonly address: string;
  /** Also the local part folded (NFKC, case): what is compared. Plus signs and dots are somebody else's business. */
  readonly key: string;
}

/** Dot-atom text (RFC 5321 section 4.1.2) and, as RFC 6531 allows, any letter, mark, number or symbol beyond ASCII. */
const localPart =
  /^(?!\.)(?!.*\.\.)(?!.*\.$)(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]|(?!\p{ASCII})[\p{L}\p{M}\p{N}\p{S}])+$/u;
/** Two labels at least, and a last one that is no number: an address is not an IP address. */
const hostname =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The normal form of an e-mail address, or `null` when nobody could own it. `.invalid` is where our placeholders live
 * and is never taken from outside (S-33).
 */
export function normalEmail(text: string): Email | null {
  const given = text.trim();
  // before NFC, which would repair nothing of this but could be made slow by it
  if (given.length > 508 || !given.isWellFormed() || /\p{Cc}/u.test(given)) return null;

  const at = given.lastIndexOf('@');
  const local = given.slice(0, Math.max(at, 0)).normalize('NFC');
  if (new TextEncoder().encode(local).length > 64 || !localPart.test(local)) return null;

  const domain = asciiDomain(given.slice(at + 1));
  if (!hostname.test(domain) || domain.endsWith('.invalid')) return null;
  return { address: `${local}@${domain}`, key: `${fold(local)}@${domain}` };
}

/**
 * Punycode, by the rules of UTS 46; empty where there is none. A domain that needs none, as nearly every one, is its own:
 * `URL` would take a number at its end for an address, and look into `xn--`.
 */
function asciiDomain(domain: string): string {
  if (/^[a-z0-9.-]+\.[a-z][a-z0-9-]*$/.test(domain) && !domain.includes('xn--')) return domain;
  return /^[\p{L}\p{M}\p{N}.-]+$/u.test(domain) ? (URL.parse(`https://${domain}`)?.hostname ?? '') : '';
}

/** Upper case first: it makes one of what lower case leaves apart (ß and ss, ſ and s, ς and σ). */
function fold(local: string): string {
  if (/^[!-~]*$/.test(local)) return local.toLowerCase();
  return local.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}

/** The canonical BCP 47 tag (`en_US` is taken as `en-US`), or `null` when it is none. */
export function canonicalLocale(text: string): string | null {
  const known = knownTags.get(text);
  if (known !== undefined) return known;
  const tag = canonicalTag(text);
  if (tag === null) return null;
  if (knownTags.size === mostKnownTags) knownTags.clear();
  if (text.length <= longestTag) knownTags.set(text, tag);
  return tag;
}

function canonicalTag(text: string): string | null {
  try {
    const tag = new Intl.Locale(text.replaceAll('_', '-')).toString();
    return tag.length <= longestTag ? tag : null;
  } catch {
    return null;
  }
}

const longestTag = 35;
/** A few tags are nearly everybody's, and `Intl` takes 3 µs for each. */
const knownTags = new Map<string, string>();
const mostKnownTags = 200;
