import { textOfUuid } from './uuid.js';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const codes = Buffer.from(alphabet);
/** By character code; 255 is no digit. */
const digits = new Uint8Array(256).fill(255);
for (const [digit, code] of codes.entries()) digits[code] = digit;
const noDigit = 255;

/*
 * Large numbers are lists of 16-bit limbs, the greatest first, and base62 is read and written five characters at a time:
 * 62 ** 5 times a limb stays within the safe integers. A BigInt instead is a new object for every digit (4 KiB of garbage
 * for a MAC).
 */
const chunkDigits = 5;
const chunkBase = 62 ** chunkDigits;

/** Room to work in; nothing here waits for anything, so no two calls share it at a time. */
const limbs = new Uint16Array(128);
const text = Buffer.alloc(4 * limbs.length);

const charactersPerByte = 8 / Math.log2(62);
/** How many base62 characters any value of so many bytes fits in. */
const widthOf = (byteLength: number) => Math.ceil(byteLength * charactersPerByte);

/** Fixed-width base62, big endian: 16 bytes are 22 characters, 32 bytes are 43. */
export function toBase62(bytes: Uint8Array): string {
  const count = limbsFor(bytes.length);
  let at = bytes.length - 2 * count;
  for (let limb = 0; limb < count; limb += 1, at += 2) {
    limbs[limb] = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  }
  return limbsToBase62(count, widthOf(bytes.length));
}

/** @returns the bytes, or `null` when the text is not exactly one value of that length */
export function fromBase62(text: string, byteLength: number): Buffer | null {
  if (text.length !== widthOf(byteLength)) return null;
  const count = limbsFor(byteLength);
  if (!base62ToLimbs(text, count)) return null;
  const bytes = Buffer.allocUnsafe(byteLength);
  const odd = 2 * count - byteLength;
  if (odd && (limbs[0] ?? 0) > 255) return null;
  for (let at = 0; at < byteLength; at += 1) {
    const limb = limbs[(at + odd) >> 1] ?? 0;
    bytes[at] = (at + odd) & 1 ? limb : limb >> 8;
  }
  return bytes;
}

/** @param uuid 32 hexadecimal digits, hyphens wherever they are */
export function uuidToBase62(uuid: string): string {
  return toBase62(Buffer.from(uuid.replaceAll('-', ''), 'hex'));
}

/** @returns the UUID in lower case, or `null` when the text names none */
export function base62ToUuid(text: string): string | null {
  const bytes = fromBase62(text, 16);
  return bytes && textOfUuid(bytes, 0);
}

/** @param width how many characters; a number that does not fit is a bug */
export function numberToBase62(value: number, width: number): string {
  if (!(value >= 0 && value < 62 ** width)) throw new RangeError(`${value} does not fit in ${width} base62 characters`);
  let rest = value;
  for (let at = width - 1; at >= 0; at -= 1) {
    text[at] = codes[rest % 62] ?? 0;
    rest = Math.floor(rest / 62);
  }
  return text.toString('latin1', 0, width);
}

/** @returns the number, or `null` when the text is not base62 or exceeds the safe integers */
export function base62ToNumber(text: string): number | null {
  if (text.length === 0 || text.length > 256) return null;
  let value = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = digits[text.charCodeAt(at)] ?? noDigit;
    value = value * 62 + digit;
    // from here on it would be rounded
    if (digit === noDigit || value > Number.MAX_SAFE_INTEGER) return null;
  }
  return value;
}

function limbsFor(byteLength: number): number {
  const count = (byteLength + 1) >> 1;
  if (count > limbs.length) throw new RangeError(`${byteLength} bytes are more than base62 is made for here`);
  return count;
}

/** Divides by 62 ** 5 again and again: each remainder is the next five characters from the right. */
function limbsToBase62(count: number, width: number): string {
  let first = 0;
  for (let end = width; end > 0; end -= chunkDigits) {
    let chunk = 0;
    for (let limb = first; limb < count; limb += 1) {
      const dividend = chunk * 0x10000 + (limbs[limb] ?? 0);
      const quotient = (dividend / chunkBase) | 0;
      limbs[limb] = quotient;
      chunk = dividend - quotient * chunkBase;
    }
    while (first < count && limbs[first] === 0) first += 1;
    for (let at = end - 1; at >= 0 && at >= end - chunkDigits; at -= 1) {
      const rest = (chunk / 62) | 0;
      text[at] = codes[chunk - rest * 62] ?? 0;
      chunk = rest;
    }
  }
  return text.toString('latin1', 0, width);
}

/** Multiplies by 62 ** 5 again and again. @returns whether the text is base62 and fits in so many limbs */
function base62ToLimbs(text: string, count: number): boolean {
  limbs.fill(0, 0, count);
  for (let start = 0; start < text.length; start += chunkDigits) {
    const end = Math.min(start + chunkDigits, text.length);
    let carry = 0;
    let base = 1;
    for (let at = start; at < end; at += 1) {
      const digit = digits[text.charCodeAt(at)] ?? noDigit;
      if (digit === noDigit) return false;
      carry = carry * 62 + digit;
      base *= 62;
    }
    for (let limb = count - 1; limb >= 0; limb -= 1) {
      const product = (limbs[limb] ?? 0) * base + carry;
      carry = Math.floor(product / 0x10000);
      limbs[limb] = product - carry * 0x10000;
    }
    if (carry > 0) return false;
  }
  return true;
}
