import { hkdfSync } from 'node:crypto';
import type { Secret } from '#env/secret';
import { type KeyRing, parseKeyRing } from '#secrets/key-ring';
import { seal, unseal } from '#secrets/seal';

/** Seals what rests in this service's tables; the keys themselves are in no store (S-28). */
export class Vault {
  private readonly ring: KeyRing;

  constructor(sealKeys: Secret) {
    this.ring = parseKeyRing(sealKeys.reveal());
  }

  /** @param place where the sealed value will stand; it opens there only */
  seal(plain: string, place: string): string {
    return seal(this.ring, plain, place);
  }

  /** @throws Error when the key is gone or the value is not the one sealed for this place */
  open(sealed: string, place: string): string {
    return unseal(this.ring, sealed, place);
  }

  /**
   * Keys for the digests of what is too short for SHA-256, one of each key on the ring, the current first (HKDF-SHA256,
   * RFC 5869).
   *
   * @param use what they are for; another use has other keys
   */
  peppers(use: string): [Buffer, ...Buffer[]] {
    const [current, ...previous] = this.ring.all.map(({ key }) => Buffer.from(hkdfSync('sha256', key, '', use, 32)));
    if (!current) throw new Error('no key is given');
    return [current, ...previous];
  }
}
