import { toBase62 } from '#secrets/base62';
import { checksum, equalInConstantTime, sha256 } from '#secrets/digest';
import { type RandomBytes, randomBase62 } from '#secrets/random';

export type ApiKeyKind = 'private' | 'public';

/** What the text of a key says about itself; whether it is true stands in the store. */
export interface NamedApiKey {
  readonly kind: ApiKeyKind;
  readonly clientId: string;
  readonly keyId: string;
  /** SHA-256 of the whole key: enough for 256 random bits (S-50). */
  readonly digest: Buffer;
}

const form = /^segue_([sp])k_([a-z0-9]{8,36})_([0-9A-Za-z]{12})_[0-9A-Za-z]{49}$/;
const checksumLength = 6;

/** Makes `segue_sk_<clientId>_<id>_<secret><checksum>` (`segue_pk_…` for a public key), with 256 random bits. */
export function newApiKey(kind: ApiKeyKind, clientId: string, random: RandomBytes): NamedApiKey & { key: string } {
  const keyId = randomBase62(12, random);
  const body = `segue_${kind === 'private' ? 'sk' : 'pk'}_${clientId}_${keyId}_${toBase62(random(32))}`;
  const key = body + checksum(body);
  return { kind, clientId, keyId, key, digest: sha256(key) };
}

/** Reads a key's text; `null` when the form or the checksum is wrong, so that a typo costs no look-up. */
export function readApiKey(key: string): NamedApiKey | null {
  const [, letter, clientId, keyId] = form.exec(key) ?? [];
  if (!letter || !clientId || !keyId) return null;
  if (checksum(key.slice(0, -checksumLength)) !== key.slice(-checksumLength)) return null;
  return { kind: letter === 's' ? 'private' : 'public', clientId, keyId, digest: sha256(key) };
}

const nobody = Buffer.alloc(32);

/** Compares with what is stored; an unknown id costs the same comparison (S-50). */
export function matches(named: NamedApiKey, stored: { digest: Buffer; kind: ApiKeyKind } | null): boolean {
  const same = equalInConstantTime(named.digest, stored?.digest ?? nobody);
  return same && stored !== null && stored.kind === named.kind;
}

/** A key's scopes as far as its client allows them today; an empty cap allows all (http-api.md, Admin). */
export function cappedScopes(scopes: readonly string[], cap: readonly string[]): string[] {
  return cap.length === 0 ? [...scopes] : scopes.filter((scope) => cap.includes(scope));
}
