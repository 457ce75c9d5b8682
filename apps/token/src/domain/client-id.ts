import type { RandomBytes } from '#secrets/random';

/** A new public client id: 80 random bits as sixteen of `[a-z0-9]`. */
export function newClientId(random: RandomBytes): string {
  return BigInt(`0x${random(10).toString('hex')}`)
    .toString(36)
    .padStart(16, '0');
}

export function isClientId(text: string): boolean {
  return /^[a-z0-9]{8,36}$/.test(text);
}
