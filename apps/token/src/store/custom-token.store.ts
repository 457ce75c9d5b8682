import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { Fault } from '#contracts/fault';
import { decisive, harmless } from '#redis/outcome';
import { type CustomToken, customTokenPlace } from '../domain/custom-token.js';
import { Vault } from '../vault.js';
import type { Guarded } from './guarded.js';

const stored = z.strictObject({ tokenId: z.uuid(), userId: z.uuid(), epoch: z.int(), expiresAt: z.int() });

/** A secret beside whose it is said to be. */
export interface Presented extends Guarded {
  readonly secret: string;
}

/** Tokens of protocol 003 in Redis, under an HMAC of their secret; each command touches one key. */
@Injectable()
export class CustomTokenStore {
  private readonly peppers: [Buffer, ...Buffer[]];

  constructor(
    private readonly redis: Redis,
    vault: Vault,
  ) {
    this.peppers = vault.peppers('segue custom token');
  }

  /**
   * Saves a token in the place of whatever is there: a short secret may come twice, and the newest one lives.
   *
   * @throws Fault `service.unavailable`: the secret was told to nobody yet
   */
  async save(presented: Presented, token: CustomToken, ttlSeconds: number): Promise<void> {
    const place = key(this.peppers[0], presented);
    await harmless(this.redis.set(place, JSON.stringify(token), 'EX', ttlSeconds));
  }

  /** @throws Fault `service.unavailable`: nobody's guess is to be counted that could not be compared */
  mustBeThere(): void {
    if (this.redis.status !== 'ready') throw new Fault('service.unavailable');
  }

  /**
   * Takes a token: of any number of callers exactly one gets it. Those from before the keys were rotated are found too.
   *
   * @throws Fault `service.silent`: it may be taken
   */
  async claim(presented: Presented): Promise<CustomToken | null> {
    const places = this.peppers.map((pepper) => key(pepper, presented));
    const taken = await decisive(Promise.all(places.map((place) => this.redis.getdel(place))));
    const value = taken.find((each) => each !== null);
    return value === undefined || value === null ? null : stored.parse(JSON.parse(value));
  }
}

function key(pepper: Buffer, { clientId, userHash, secret }: Presented): string {
  return `token:custom:${customTokenPlace(pepper, clientId, userHash, secret)}`;
}
