import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { KeyRing } from './key-ring.js';
import type { RandomBytes } from './random.js';

/**
 * Encrypts a secret for rest: AES-256-GCM, 96-bit random nonce, as `<key id>.<nonce><tag><ciphertext>` (base64url).
 *
 * @param context where the value belongs, e.g. `link-secret/<clientId>/<id>`; it is authenticated, so that a sealed
 *   value moved to another row does not open
 */
export function seal(ring: KeyRing, plain: string, context: string, random: RandomBytes = randomBytes): string {
  const nonce = random(12);
  const cipher = createCipheriv('aes-256-gcm', ring.current.key, nonce).setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return `${ring.current.id}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
}

/** @throws Error when the key is not on the ring, the value was changed, or it was sealed for another context */
export function unseal(ring: KeyRing, sealed: string, context: string): string {
  const dot = sealed.indexOf('.');
  const key = ring.get(sealed.slice(0, dot));
  if (!key) throw new Error('the key this value was sealed with is not on the ring');
  const bytes = Buffer.from(sealed.slice(dot + 1), 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
    .setAAD(Buffer.from(context))
    .setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
}
