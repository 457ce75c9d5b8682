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

/** Seconds; no token hangs on its parent for longer (`token.offer`), so each new one lets the list live so long. */
const longestLife = 1800;

/** A session that one-time tokens hang on. */
export interface Parent {
  readonly clientId: string;
  readonly parentId: string;
}

/** One-time tokens in Redis: each command touches one key, so that a cluster spreads them. */
@Injectable()
export class OneTimeTokenStore {
  constructor(private readonly redis: Redis) {}

  /**
   * Lists it with its parent beside what waits there already, and saves it.
   *
   * @returns whether the place was free
   * @throws Fault `service.unavailable`: the secret was told to nobody yet
   */
  async reserve({ clientId, place }: NamedSecret, token: OneTimeToken, ttlSeconds: number): Promise<boolean> {
    const { parentId, expiresAt } = token;
    const list = listKey({ clientId, parentId });
    const now = expiresAt - ttlSeconds;
    const listed = this.redis.multi().zremrangebyscore(list, 0, now).zadd(list, expiresAt, place);
    const saved = this.redis.set(key(place), JSON.stringify(token), 'EX', ttlSeconds, 'NX');
    const [answer] = await harmless(Promise.all([saved, listed.expire(list, longestLife).exec()]));
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

  /**
   * Removes what waits to become a child of a session.
   *
   * @throws Fault `service.unavailable`: some may still wait
   */
  async forgetChildren(parent: Parent): Promise<void> {
    const list = listKey(parent);
    const places = await harmless(this.redis.zrange(list, 0, '-1'));
    if (places.length === 0) return;
    await harmless(Promise.all([...places.map(key), list].map((name) => this.redis.unlink(name))));
  }
}

function key(place: string): string {
  return `token:once:${place}`;
}

function listKey({ clientId, parentId }: Parent): string {
  return `token:children:${clientId}:${parentId}`;
}

function parse(value: string | null): OneTimeToken | null {
  return value === null ? null : stored.parse(JSON.parse(value));
}
