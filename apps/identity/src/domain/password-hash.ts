/** What one computation of argon2id takes (RFC 9106). */
export interface Cost {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** OWASP's Password Storage Cheat Sheet (docs/decisions/0010-passwords.md): 19 MiB and two passes on one lane; about 30 ms of a core. */
export const presentCost: Cost = { memory: 19_456, passes: 2, parallelism: 1 };

/** A password as it is kept. */
export interface PasswordHash {
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly digest: Buffer;
}

/** The PHC string of a hash: it says itself how it was made, so that the cost can be raised. */
export function writeHash({ cost, salt, digest }: PasswordHash): string {
  const parameters = `m=${cost.memory},t=${cost.passes},p=${cost.parallelism}`;
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(digest)}`;
}

const form = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** @throws Error when the text is no PHC string of argon2id */
export function readHash(text: string): PasswordHash {
  const [, memory, passes, parallelism, salt, digest] = form.exec(text) ?? [];
  if (!salt || !digest) throw new Error('what is kept of a password is no hash of ours');
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    digest: Buffer.from(digest, 'base64'),
  };
}

/** Whether it was made at another cost than new ones are. */
export function isOutdated({ cost }: PasswordHash): boolean {
  const { memory, passes, parallelism } = presentCost;
  return cost.memory !== memory || cost.passes !== passes || cost.parallelism !== parallelism;
}

const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
