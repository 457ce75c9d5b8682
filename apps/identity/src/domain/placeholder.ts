import type { RandomBytes } from '#secrets/random';

/** An address nobody can own or guess: 128 random bits in a domain that is reserved for ever (RFC 2606). */
export function placeholderEmail(random: RandomBytes): string {
  return `${random(16).toString('hex')}@placeholder.invalid`;
}
