import { isIP } from 'node:net';
import { normalizeIp } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import { hmacSha256 } from '#secrets/digest';

/** How many addresses are remembered with their hash: a caller comes more than once, so the keyed hash need not be made each time. */
const most = 10_000;

/** Turns a network address into the keyed hash under which counters and facts know it: the address itself is stored nowhere. */
export class Addresses {
  readonly #pepper: Buffer;
  readonly #known = new Map<string, string>();

  constructor(pepper: string) {
    this.#pepper = Buffer.from(pepper);
  }

  /** 22 characters base64url. An IPv6 caller is its /64: that much every subscriber has to himself. */
  hash({ ip }: Pick<FastifyRequest, 'ip'>): string {
    const known = this.#known.get(ip);
    if (known !== undefined) return known;
    const hash = hmacSha256(this.#pepper, normalizeIp(ip)).subarray(0, 16).toString('base64url');
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(ip, hash);
    return hash;
  }
}

/** Addresses and networks as `TRUSTED_PROXIES` lists them (S-99). */
export function isTrustedProxyList(list: string): boolean {
  return list.split(',').every((entry) => entry === '' || isAddressOrNetwork(entry));
}

function isAddressOrNetwork(entry: string): boolean {
  const [address = '', prefix, ...rest] = entry.split('/');
  const version = isIP(address);
  if (!version || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}
