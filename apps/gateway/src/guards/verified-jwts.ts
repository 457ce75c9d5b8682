import type { KeyObject } from 'node:crypto';
import type { Holder } from './holder.js';
import type { UnverifiedJwt } from './jwt.js';

interface Verified {
  readonly token: UnverifiedJwt;
  readonly holder: Holder;
  /** Which verified it: of a set that was fetched anew every key is another. */
  readonly key: KeyObject;
}

/**
 * JWTs whose signature was checked before, by their whole text: checking one costs more than everything else a request
 * does here. Only that is remembered. Whatever can change (time, key set, client, revocations) is judged at each use, so
 * that no token lives longer by it (S-13).
 */
export class VerifiedJwts {
  readonly #known = new Map<string, Verified>();

  /** @param most how many are remembered; beyond them the longest known is forgotten */
  constructor(private readonly most = 10_000) {}

  get size(): number {
    return this.#known.size;
  }

  find(text: string): Verified | undefined {
    return this.#known.get(text);
  }

  keep(text: string, verified: Verified): void {
    const [longestKnown] = this.#known.keys();
    if (longestKnown !== undefined && this.#known.size >= this.most) this.#known.delete(longestKnown);
    this.#known.set(text, verified);
  }

  forget(text: string): void {
    this.#known.delete(text);
  }
}
