import { isText } from './text.js';

/** Dot-atom text (RFC 5321 section 4.1.2) and, as RFC 6531 allows, any letter, mark, number or symbol beyond ASCII. */
const localPart =
  /^(?!\.)(?!.*\.\.)(?!.*\.$)(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]|(?!\p{ASCII})[\p{L}\p{M}\p{N}\p{S}])+$/u;
const asciiDomain =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether a claim is an e-mail address somebody could own; those under `.invalid` are our placeholders (S-33). */
export function isEmail(value: unknown): value is string {
  if (!isText(value, 254)) return false;
  const at = value.lastIndexOf('@');
  const local = value.slice(0, at).normalize('NFC');
  if (at < 1 || Buffer.byteLength(local) > 64 || !localPart.test(local)) return false;

  const domain = hostname(value.slice(at + 1));
  return domain !== null && domain.length <= 253 && asciiDomain.test(domain) && !domain.endsWith('.invalid');
}

/** The ASCII form (punycode) of a domain, by the rules of UTS 46. */
function hostname(domain: string): string | null {
  return /^[\p{L}\p{M}\p{N}.-]+$/u.test(domain) ? (URL.parse(`https://${domain}`)?.hostname ?? null) : null;
}
