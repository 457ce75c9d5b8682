import { randomBytes } from 'node:crypto';

/** Where randomness comes from; the CSPRNG unless a test passes its own. */
export type RandomBytes = (size: number) => Buffer;

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 4 × 62: bytes above would make some characters likelier than others (S-69). */
const fair = 248;

/** A random text of base62 characters, 5.95 bits each, without modulo bias. */
export function randomBase62(length: number, random: RandomBytes = randomBytes): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random(length - text.length + 8)) {
      if (byte < fair && text.length < length) text += alphabet[byte % 62];
    }
  }
  return text;
}

/**
 * A UUID of version 7 (RFC 9562 section 5.7): ids made later sort later, so that they fill an index in order.
 *
 * @param now milliseconds since 1970
 */
export function uuidv7(now: number, random: RandomBytes = randomBytes): string {
  const bytes = random(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
