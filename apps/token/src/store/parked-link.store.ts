import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { type LinkRefusal, linkRefusals } from '#contracts/refusal';
import { harmless } from '#redis/outcome';
import { type ParkedLink, parkingPlace } from '../domain/parked-link.js';
import { Vault } from '../vault.js';

const stored = z.union([
  z.strictObject({ clientId: z.string(), userToken: z.string(), callbackPath: z.string().optional() }),
  z.strictObject({
    known: z.string().nullable(),
    reason: z.enum(Object.keys(linkRefusals) as [LinkRefusal, ...LinkRefusal[]]),
  }),
]);

/** Links between a form of another site and the request that follows it: in Redis, sealed, under SHA-256 of a handle. */
@Injectable()
export class ParkedLinkStore {
  constructor(
    private readonly redis: Redis,
    private readonly vault: Vault,
  ) {}

  /** @throws Fault `service.unavailable`: the handle was told to nobody yet */
  async save(handle: string, link: ParkedLink, ttlSeconds: number): Promise<void> {
    const place = key(handle);
    if (place === null) throw new Error('not a handle');
    await harmless(this.redis.set(place, this.vault.seal(JSON.stringify(link), place), 'EX', ttlSeconds));
  }

  /** @throws Fault `service.unavailable` */
  async find(handle: string): Promise<ParkedLink | null> {
    const place = key(handle);
    const sealed = place && (await harmless(this.redis.get(place)));
    return place && sealed ? stored.parse(JSON.parse(this.vault.open(sealed, place))) : null;
  }
}

function key(handle: string): string | null {
  const place = parkingPlace(handle);
  return place && `token:parked:${place}`;
}
