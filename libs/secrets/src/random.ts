import { randomBytes, randomFillSync } from 'node:crypto';
import { textOfUuid } from './uuid.js';

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

const blockSize = 4096;
/** Random bytes of which those before `used` were given away. */
let block = Buffer.alloc(0);
let used = 0;

/** @returns where in `block` so many bytes begin that nobody was given before, nor will be again */
function reserve(size: number): number {
  if (used + size > block.length) {
    // never filled anew: whoever still holds a part of the last one keeps it
    block = randomFillSync(Buffer.allocUnsafeSlow(blockSize));
    used = 0;
  }
  used += size;
  return used - size;
}

/**
 * Random bytes for names that need only be different: ids, traces. The CSPRNG's too, but taken in blocks of 4 KiB, since
 * every call of it costs more than the bytes do. What must stay secret is not to rest in a block: `randomBytes`.
 */
export function bytesForIds(size: number): Buffer {
  if (size > blockSize) return randomBytes(size);
  const start = reserve(size);
  return block.subarray(start, start + size);
}

/** As `bytesForIds`, as hexadecimal text of twice as many digits. */
export function hexForIds(size: number): string {
  const start = reserve(size);
  return block.toString('hex', start, start + size);
}

/**
 * A UUID of version 7 (RFC 9562 section 5.7): ids made later sort later, so that they fill an index in order.
 *
 * @param now milliseconds since 1970
 */
export function uuidv7(now: number): string {
  const start = reserve(16);
  block.writeUIntBE(now, start, 6);
  block[start + 6] = ((block[start + 6] ?? 0) & 0x0f) | 0x70;
  block[start + 8] = ((block[start + 8] ?? 0) & 0x3f) | 0x80;
  return textOfUuid(block, start);
}
