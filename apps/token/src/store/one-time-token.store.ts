import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { decisive, harmless } from '#redis/outcome';
import type { NamedSecret, OneTimeToken } from '../domain/one-time-token.js';

const waiting = { tokenId: z.uuid(), userId: z.uuid(), parentId: z.uuid(), expiresAt: z.int() };
const stored = z.discriminatedUnion('purpose', [
  z.strictObject({ purpose: z.literal('landing'), ...waiting, landing: z.string() }),
  z.strictObject({ purpose: z.literal('one-time'), ...waiting, externalId: z.string().optional(), epoch: z.int() }),
]);

/** One-time tokens in Redis: each command touches one key, so that a cluster spreads them. */
@Injectable()
export class OneTimeTokenStore {
  constructor(private readonly redis: Redis) {}

  /**
   * @returns whether the place was free
   * @throws Fault `service.unavailable`: the secret was told to nobody yet
   */
  async reserve({ place }: NamedSecret, token: OneTimeToken, ttlSeconds: number): Promise<boolean> {
    const answer = await harmless(this.redis.set(key(place), JSON.stringify(token), 'EX', ttlSeconds, 'NX'));
    return answer === 'OK';
  }

  /** @throws Fault `service.unavailable` */
  async find({ place }: NamedSecret): Promise<OneTimeToken | null> {
    return parse(await harmless(this.redis.get(key(place))));
  }

  /**
   * Takes a token: of any number of callers exactly one gets it.
   *
   * @throws Fault `service.silent`: it may be taken
   */
  async claim({ place }: NamedSecret): Promise<OneTimeToken | null> {
    return parse(await decisive(this.redis.getdel(key(place))));
  }
}

function key(place: string): string {
  return `token:once:${place}`;
}

function parse(value: string | null): OneTimeToken | null {
  return value === null ? null : stored.parse(JSON.parse(value));
}
