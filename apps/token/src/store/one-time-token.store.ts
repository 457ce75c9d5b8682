import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { Fault } from '#contracts/fault';
import { Grouped } from '#redis/grouped';
import { decisive, harmless } from '#redis/outcome';
import { Script } from '#redis/script';
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

/** How many tokens share a command. */
const most = 200;

interface Offered {
  readonly named: NamedSecret;
  readonly token: OneTimeToken;
  readonly ttlSeconds: number;
}

/** One-time tokens in Redis. What one turn of the event loop offers, looks up or takes is one command each. */
@Injectable()
export class OneTimeTokenStore {
  private readonly offers = new Grouped<Offered, boolean>({ run: (offered) => this.reserveAll(offered), most });
  private readonly looks = new Grouped<string, string | null>({
    run: (keys) => harmless(this.redis.mget(keys as string[])),
    most,
  });
  private readonly claims = new Grouped<string, string | null>({ run: (keys) => this.claimAll(keys), most });

  constructor(private readonly redis: Redis) {}

  /**
   * Lists it with its parent beside what waits there already, and saves it.
   *
   * @returns whether the place was free
   * @throws Fault `service.unavailable`: the secret was told to nobody yet
   */
  reserve(named: NamedSecret, token: OneTimeToken, ttlSeconds: number): Promise<boolean> {
    return this.offers.add({ named, token, ttlSeconds });
  }

  /** @throws Fault `service.unavailable` */
  async find({ place }: NamedSecret): Promise<OneTimeToken | null> {
    return parse(await this.looks.add(key(place)));
  }

  /** @throws Fault `service.unavailable`: nothing is taken */
  mustBeThere(): void {
    if (this.redis.status !== 'ready') throw new Fault('service.unavailable');
  }

  /**
   * Takes a token: of any number of callers exactly one gets it.
   *
   * @throws Fault `service.silent`: it may be taken
   */
  async claim({ place }: NamedSecret): Promise<OneTimeToken | null> {
    return parse(await this.claims.add(key(place)));
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

  private async reserveAll(offered: readonly Offered[]): Promise<boolean[]> {
    const keys: string[] = [];
    const args: (string | number)[] = [longestLife];
    for (const { named, token, ttlSeconds } of offered) {
      const { clientId, place } = named;
      keys.push(key(place), listKey({ clientId, parentId: token.parentId }));
      args.push(place, JSON.stringify(token), ttlSeconds, token.expiresAt);
    }
    const free = (await harmless(reserve.run(this.redis, keys, args))) as number[];
    return free.map((each) => each === 1);
  }

  private async claimAll(keys: readonly string[]): Promise<(string | null)[]> {
    return (await decisive(take.run(this.redis, keys, []))) as (string | null)[];
  }
}

/** For each: its key and its parent's list, and how it is listed, what it is, its life and its end in seconds. */
const reserve = new Script(`
  local free = {}
  for i = 1, #KEYS, 2 do
    local place, token, life, ends = unpack(ARGV, 2 * i, 2 * i + 3)
    local saved = redis.call('SET', KEYS[i], token, 'EX', life, 'NX')
    redis.call('ZREMRANGEBYSCORE', KEYS[i + 1], 0, ends - life)
    redis.call('ZADD', KEYS[i + 1], ends, place)
    redis.call('EXPIRE', KEYS[i + 1], ARGV[1])
    free[#free + 1] = saved and 1 or 0
  end
  return free
`);

/** A key that is named twice is found once. */
const take = new Script(`
  local taken = {}
  for i, key in ipairs(KEYS) do taken[i] = redis.call('GETDEL', key) end
  return taken
`);

function key(place: string): string {
  return `token:once:${place}`;
}

function listKey({ clientId, parentId }: Parent): string {
  return `token:children:${clientId}:${parentId}`;
}

function parse(value: string | null): OneTimeToken | null {
  return value === null ? null : stored.parse(JSON.parse(value));
}
