const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const digitOf = new Map([...alphabet].map((character, digit) => [character, digit]));

/** How many base62 characters any value of so many bytes fits in. */
const widthOf = (byteLength: number) => Math.ceil((byteLength * 8) / Math.log2(62));

/** Five characters at a time stay within 30 bits: a BigInt per character costs ten times as much. */
const chunkDigits = 5;
const chunkBase = 62n ** BigInt(chunkDigits);

/** Fixed-width base62, big endian: 16 bytes are 22 characters, 32 bytes are 43. */
export function toBase62(bytes: Uint8Array): string {
  return bigintToBase62(BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`), widthOf(bytes.length));
}

/** @returns the bytes, or `null` when the text is not exactly one value of that length */
export function fromBase62(text: string, byteLength: number): Buffer | null {
  if (text.length !== widthOf(byteLength)) return null;
  const value = base62ToBigint(text);
  if (value === null || value >> BigInt(byteLength * 8) !== 0n) return null;
  return Buffer.from(value.toString(16).padStart(byteLength * 2, '0'), 'hex');
}

export function uuidToBase62(uuid: string): string {
  return bigintToBase62(BigInt(`0x${uuid.replaceAll('-', '')}`), 22);
}

/** @returns the UUID in lower case, or `null` when the text names none */
export function base62ToUuid(text: string): string | null {
  const hex = fromBase62(text, 16)?.toString('hex');
  return hex
    ? `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
    : null;
}

/** @param width how many characters; a number that does not fit is a bug */
export function numberToBase62(value: number, width: number): string {
  const text = bigintToBase62(BigInt(value), width);
  if (text.length > width) throw new RangeError(`${value} does not fit in ${width} base62 characters`);
  return text;
}

/** @returns the number, or `null` when the text is not base62 or exceeds the safe integers */
export function base62ToNumber(text: string): number | null {
  const value = base62ToBigint(text);
  return value === null || value > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(value);
}

function bigintToBase62(value: bigint, width: number): string {
  let rest = value;
  let text = '';
  while (rest > 0n) {
    let chunk = Number(rest % chunkBase);
    rest /= chunkBase;
    for (let digit = 0; digit < chunkDigits; digit += 1) {
      text = alphabet.charAt(chunk % 62) + text;
      chunk = Math.floor(chunk / 62);
    }
  }
  return text.replace(/^0+/, '').padStart(width, '0');
}

function base62ToBigint(text: string): bigint | null {
  if (text.length === 0 || text.length > 256) return null;
  let value = 0n;
  for (let start = 0; start < text.length; start += chunkDigits) {
    const part = text.slice(start, start + chunkDigits);
    let chunk = 0;
    for (const character of part) {
      const digit = digitOf.get(character);
      if (digit === undefined) return null;
      chunk = chunk * 62 + digit;
    }
    value = value * 62n ** BigInt(part.length) + BigInt(chunk);
  }
  return value;
}
