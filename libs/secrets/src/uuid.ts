const hex = Buffer.from('0123456789abcdef');
const hyphen = 0x2d;
/** Room to work in; nothing here waits for anything, so no two calls share it at a time. */
const text = Buffer.alloc(36);

/** The 16 bytes from `start` on as a UUID in lower case; one string, where slices of hex are ten. */
export function textOfUuid(bytes: Uint8Array, start: number): string {
  let to = 0;
  for (let at = 0; at < 16; at += 1) {
    const byte = bytes[start + at] ?? 0;
    text[to++] = hex[byte >> 4] ?? 0;
    text[to++] = hex[byte & 15] ?? 0;
    if (at === 3 || at === 5 || at === 7 || at === 9) text[to++] = hyphen;
  }
  return text.toString('latin1');
}
