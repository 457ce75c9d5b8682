import { hmacSha256, sha256 } from '#secrets/digest';
import type { RandomBytes } from '#secrets/random';

/** What a secret of protocol 003 stands for while it waits for its user, who names the client and themselves. */
export interface CustomToken {
  /** Names the session it opens: `origin = ott:<tokenId>`. */
  readonly tokenId: string;
  readonly userId: string;
  /** The user's when it was offered. */
  readonly epoch: number;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** Hex digits of the CSPRNG: each is four of its bits, so none is likelier than another (S-69). */
export function newCustomSecret(length: number, random: RandomBytes): string {
  return random(Math.ceil(length / 2))
    .toString('hex')
    .slice(0, length);
}

/** Whether a text can be such a secret; what cannot is no guess. */
export function isCustomSecret(text: string): boolean {
  return /^[0-9a-f]{5,128}$/.test(text);
}

/** How a user is known where their secrets are guarded: the client's own id of them stands in no table of this service. */
export function userHash(clientId: string, externalId: string): Buffer {
  return sha256(`${clientId} ${externalId}`);
}

/**
 * Where a token waits: a wrong secret names no place, so nothing is compared. Without the pepper nobody who reads the
 * store can try secrets on it (S-68).
 *
 * @param pepper from outside every database
 */
export function customTokenPlace(pepper: Buffer, clientId: string, user: Buffer, secret: string): string {
  const name = user.toString('base64url');
  return `${clientId}:${name}:${hmacSha256(pepper, `${clientId} ${name} ${secret}`).toString('base64url')}`;
}
