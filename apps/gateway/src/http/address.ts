import { isIP } from 'node:net';
import { normalizeIp } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import { hmacSha256 } from '#secrets/digest';

/** Turns a network address into the keyed hash under which counters and facts know it: the address itself is kept nowhere. */
export class Addresses {
  readonly #pepper: Buffer;

  constructor(pepper: string) {
    this.#pepper = Buffer.from(pepper);
  }

  /** 22 characters base64url. An IPv6 caller is its /64: that much every subscriber has to himself. */
  hash(request: Pick<FastifyRequest, 'ip'>): string {
    return hmacSha256(this.#pepper, normalizeIp(request.ip)).subarray(0, 16).toString('base64url');
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
