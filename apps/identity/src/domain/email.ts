import { domainToASCII } from 'node:url';
import type { RandomBytes } from '#secrets/random';

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
  if (Buffer.byteLength(local) > 64 || !localPart.test(local)) return null;

  const written = given.slice(at + 1);
  const domain = /^[\p{L}\p{M}\p{N}.-]+$/u.test(written) ? domainToASCII(written) : '';
  if (!hostname.test(domain) || domain.endsWith('.invalid')) return null;
  return { address: `${local}@${domain}`, key: `${fold(local)}@${domain}` };
}

/** Upper case first: it makes one of what lower case leaves apart (ß and ss, ſ and s, ς and σ). */
function fold(local: string): string {
  return local.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}

/** An address nobody can own or guess: 128 random bits in a domain that is reserved for ever (RFC 2606). */
export function placeholderEmail(random: RandomBytes): string {
  return `${random(16).toString('hex')}@placeholder.invalid`;
}
