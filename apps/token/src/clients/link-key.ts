import { createSecretKey, type KeyObject } from 'node:crypto';
import { equalInConstantTime, hmacSha256 } from '#secrets/digest';
import type { CompactJwt } from '../domain/compact-jwt.js';

/** The least HS256 key (RFC 7518 section 3.2, S-14). */
const leastBytes = 32;

/** A loaded link secret: a typed key object that can do nothing but check HS256 (S-01, S-02). */
export class LinkKey {
  readonly #key: KeyObject;

  /**
   * @param secret the link secret; its UTF-8 bytes are the key, as in partners' `sign(claims, clientSecret)`
   * @param verifies whether it verified when it was loaded
   * @param verifiesUntil milliseconds since 1970, or `null`
   */
  constructor(
    readonly secretId: string,
    secret: string,
    private readonly verifies: boolean,
    private readonly verifiesUntil: number | null,
  ) {
    const bytes = Buffer.from(secret, 'utf8');
    if (bytes.length < leastBytes) throw new Error(`link secret ${secretId} is too short for HS256`);
    this.#key = createSecretKey(bytes);
  }

  verifiesAt(nowMs: number): boolean {
    return this.verifies && (this.verifiesUntil === null || nowMs < this.verifiesUntil);
  }

  /** HS256 (RFC 7518 section 3.2) over the bytes that were read; a library would read the token a second time. */
  signed({ signingInput, signature }: Pick<CompactJwt, 'signingInput' | 'signature'>): boolean {
    return equalInConstantTime(hmacSha256(this.#key, signingInput), signature);
  }
}
