import type { ThrottlerStorage } from '@nestjs/throttler';
import type { Redis } from 'ioredis';
import { Fault } from '#contracts/fault';
import type { LimitName, Limits } from './limits.js';

interface Count {
  readonly hits: number;
  readonly endsInMs: number;
}

/** How long a Redis that did not answer is left alone, so that not every request waits for it. */
const restMs = 1_000;
/** How many windows a gateway remembers by itself. */
const mostLocal = 100_000;

/**
 * Counts requests in fixed windows, in Redis for all gateways together: INCR judges concurrent requests one after the
 * other, so with a limit of N exactly N pass (S-100). Without Redis a route where guessing pays is closed, any other is
 * counted by this gateway alone (S-102).
 */
export class RateWindows implements ThrottlerStorage {
  readonly #local = new Map<string, { hits: number; endsAt: number }>();
  #restsUntil = 0;

  constructor(
    private readonly redis: Redis,
    private readonly limits: Limits,
  ) {}

  /** @throws Fault `service.unavailable` */
  async increment(key: string, ttl: number, limit: number, _blockDuration: number, name: LimitName) {
    const now = Date.now();
    const count = (await this.#shared(key, ttl, now)) ?? this.#alone(key, ttl, now, name);
    const seconds = Math.ceil(count.endsInMs / 1000);
    return { totalHits: count.hits, timeToExpire: seconds, isBlocked: count.hits > limit, timeToBlockExpire: seconds };
  }

  async #shared(key: string, windowMs: number, now: number): Promise<Count | null> {
    if (now < this.#restsUntil) return null;
    try {
      const replies = await this.redis.multi().incr(key).pexpire(key, windowMs, 'NX').pttl(key).exec();
      const [hits = Number.NaN, , left = Number.NaN] = (replies ?? []).map(([error, value]) => Number(error ?? value));
      if (Number.isNaN(hits + left)) throw new Error('Redis did not count');
      return { hits, endsInMs: Math.max(left, 0) };
    } catch {
      this.#restsUntil = now + restMs;
      return null;
    }
  }

  #alone(key: string, windowMs: number, now: number, name: LimitName): Count {
    if (this.limits[name].guess) throw new Fault('service.unavailable');
    let window = this.#local.get(key);
    if (!window || window.endsAt <= now) {
      if (this.#local.size >= mostLocal) this.#forget(now);
      window = { hits: 0, endsAt: now + windowMs };
      this.#local.set(key, window);
    }
    window.hits++;
    return { hits: window.hits, endsInMs: window.endsAt - now };
  }

  #forget(now: number): void {
    for (const [key, { endsAt }] of this.#local) if (endsAt <= now) this.#local.delete(key);
    if (this.#local.size >= mostLocal) this.#local.clear();
  }
}
