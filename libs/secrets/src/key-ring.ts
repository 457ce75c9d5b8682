/** Symmetric keys by id: the first makes, all of them verify or open. */
export interface KeyRing {
  readonly current: { readonly id: string; readonly key: Buffer };
  /** The current one first. */
  readonly all: readonly { readonly id: string; readonly key: Buffer }[];
  get(id: string): Buffer | undefined;
}

/**
 * Reads `<id>:<base64 of 32 bytes>[,<id>:<base64 of 32 bytes>…]`, the current key first.
 *
 * @throws Error that names the position, never the value
 */
export function parseKeyRing(text: string): KeyRing {
  const keys = new Map<string, Buffer>();
  const entries = text.split(',').map((entry, position) => {
    const [, id, encoded] = /^\s*([a-z0-9]{1,8}):([A-Za-z0-9+/]{43}=)\s*$/.exec(entry) ?? [];
    if (!id || !encoded) throw new Error(`key ${position + 1} is not <id>:<base64 of 32 bytes>`);
    if (keys.has(id)) throw new Error(`key ${position + 1} repeats an id`);
    const key = Buffer.from(encoded, 'base64');
    keys.set(id, key);
    return { id, key };
  });
  const [current] = entries;
  if (!current) throw new Error('no key is given');
  return { current, all: entries, get: (id) => keys.get(id) };
}
