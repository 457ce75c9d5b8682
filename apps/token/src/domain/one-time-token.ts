import type { ClaimRefusal } from '#contracts/refusal';
import { toBase62 } from '#secrets/base62';
import { sha256Text } from '#secrets/digest';
import type { RandomBytes } from '#secrets/random';

/** What a secret is for shows in its text, so that a scanner knows it and no look-up is lost on a foreign one. */
const prefixes = { landing: 'segue_code', 'one-time': 'segue_ott' } as const;

interface Waiting {
  /** Names the session it opens: `origin = ott:<tokenId>`. */
  readonly tokenId: string;
  readonly userId: string;
  /** The session it hangs on. */
  readonly parentId: string;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** What a one-time token stands for while it waits to be claimed. */
export type OneTimeToken = Waiting &
  (
    | {
        readonly purpose: 'landing';
        /** The web origin of the landing. */
        readonly landing: string;
      }
    | {
        readonly purpose: 'one-time';
        readonly externalId?: string | undefined;
        /** The user's when it was offered. */
        readonly epoch: number;
      }
  );

export type Purpose = OneTimeToken['purpose'];

/** What the text of a secret says about itself. */
export interface NamedSecret {
  readonly clientId: string;
  /** Where the token waits. Contains SHA-256 of the secret, which is enough for 256 random bits (S-68). */
  readonly place: string;
}

/** Who wants to spend a token. That of a landing: a browser at a web origin, or the backend of a client. */
export type Claimer =
  | { readonly purpose: 'landing'; readonly by: { readonly landing: string } | { readonly clientId: string } }
  | { readonly purpose: 'one-time' };

/** Makes `<prefix>_<clientId>_<43 base62>`, with 256 random bits. */
export function newSecret(purpose: Purpose, clientId: string, random: RandomBytes): NamedSecret & { secret: string } {
  const secret = `${prefixes[purpose]}_${clientId}_${toBase62(random(32))}`;
  return { clientId, secret, place: place(clientId, secret) };
}

/** Reads a secret's text; `null` when it has not the form of this purpose. */
export function readSecret(purpose: Purpose, secret: string): NamedSecret | null {
  const [, prefix, clientId] = /^(segue_[a-z]+)_([a-z0-9]{8,36})_[0-9A-Za-z]{43}$/.exec(secret) ?? [];
  if (prefix !== prefixes[purpose] || !clientId) return null;
  return { clientId, place: place(clientId, secret) };
}

/**
 * Whether a token may be spent so; asked before it is taken, so that a mismatch consumes nothing (S-70).
 *
 * @param clientId whose token it is
 * @param now seconds
 */
export function judgeClaim(
  token: OneTimeToken | null,
  clientId: string,
  claimer: Claimer,
  now: number,
): ClaimRefusal | null {
  if (!token) return 'unknown';
  if (token.purpose !== claimer.purpose) return 'purpose';
  if (token.expiresAt <= now) return 'expired';
  if (token.purpose !== 'landing' || claimer.purpose !== 'landing') return null;
  const { by } = claimer;
  const mayClaim = 'landing' in by ? by.landing === token.landing : by.clientId === clientId;
  return mayClaim ? null : 'claimer';
}

function place(clientId: string, secret: string): string {
  return `${clientId}:${sha256Text(secret)}`;
}
