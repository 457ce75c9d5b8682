import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { numberToBase62 } from './base62.js';

export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer');
}

/** In 43 characters base64url. */
export function sha256Text(data: string | Uint8Array): string {
  return hash('sha256', data, 'base64url');
}

export function hmacSha256(key: Uint8Array | KeyObject, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Compares digests without telling by its time where they differ (S-15); other lengths are simply unequal. */
export function equalInConstantTime(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** CRC-32 as six base62 characters: a mistyped credential is refused without a look-up. Proves nothing else. */
export function checksum(text: string): string {
  return numberToBase62(crc32(text), 6);
}
