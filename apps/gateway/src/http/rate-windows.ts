import type { Redis } from 'ioredis';
import { Fault } from '#contracts/fault';
import { Grouped } from '#redis/grouped';
import { Script } from '#redis/script';
import type { LimitName, Limits } from './limits.js';

/** Where a request stands in its window. */
export interface Count {
  /** This one included. */
  readonly hits: number;
  readonly endsInMs: number;
}

interface Asked {
  readonly key: string;
  readonly windowMs: number;
}

/** How long a Redis that did not answer is left alone, so that not every request waits for it. */
const restMs = 1_000;
/** How many windows a gateway remembers by itself. */
const mostLocal = 100_000;
/** How many requests are counted by one command. */
const mostTogether = 500;

/**
 * Counts requests in fixed windows, in Redis for all gateways together. The requests of one turn of the event loop are one
 * command: a window is raised by as many as there are, and each takes the place in it by which it came. Redis runs one
 * script after the other, so with a limit of N exactly N pass (S-100). Without Redis a route where guessing pays is closed,
 * any other is counted by this gateway alone (S-102).
 */
export class RateWindows {
  readonly #shared: Grouped<Asked, Count>;
  readonly #local = new Map<string, { hits: number; endsAt: number }>();
  #restsUntil = 0;

  constructor(
    private readonly redis: Redis,
    readonly limits: Limits,
  ) {
    this.#shared = new Grouped<Asked, Count>({ run: (asked) => this.#together(asked), most: mostTogether });
  }

  /**
   * @param who what of the caller is counted
   * @throws Fault `service.unavailable`
   */
  async count(name: LimitName, who: string): Promise<Count> {
    const key = `segue:limit:${name}:${who}`;
    if (Date.now() < this.#restsUntil) return this.#alone(key, name);
    try {
      return await this.#shared.add({ key, windowMs: this.limits[name].windowMs });
    } catch {
      return this.#alone(key, name);
    }
  }

  async #together(asked: readonly Asked[]): Promise<Count[]> {
    if (Date.now() < this.#restsUntil) throw new Error('Redis rests');
    try {
      const windows = windowsOf(asked);
      const lengths = [...windows.values()].flatMap(({ requests, windowMs }) => [requests, windowMs]);
      const told = (await raise.run(this.redis, [...windows.keys()], lengths)) as number[];
      let at = 0;
      for (const window of windows.values()) {
        const [hits, left] = [Number(told[at++]), Number(told[at++])];
        if (Number.isNaN(hits + left)) throw new Error('Redis did not count');
        window.counted = hits - window.requests;
        window.endsInMs = Math.max(left, 0);
      }
      return asked.map(({ key }) => place(windows.get(key)));
    } catch (error) {
      this.#restsUntil = Date.now() + restMs;
      throw error;
    }
  }

  #alone(key: string, name: LimitName): Count {
    const { guess, windowMs } = this.limits[name];
    if (guess) throw new Fault('service.unavailable');
    const now = Date.now();
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

/** A window in a group: how many requests it is raised by, and how far it was and is. */
interface Window {
  readonly windowMs: number;
  requests: number;
  counted: number;
  endsInMs: number;
}

function windowsOf(asked: readonly Asked[]): Map<string, Window> {
  const windows = new Map<string, Window>();
  for (const { key, windowMs } of asked) {
    const window = windows.get(key);
    if (window) window.requests++;
    else windows.set(key, { windowMs, requests: 1, counted: 0, endsInMs: 0 });
  }
  return windows;
}

/** The next place in a window. */
function place(window: Window | undefined): Count {
  if (!window) throw new Error('a window was not asked for');
  return { hits: ++window.counted, endsInMs: window.endsInMs };
}

/** Of each key in turn: by how much, and how long its window is in ms. Answers its count and how much of it is left. */
const raise = new Script(`
  local told = {}
  for i, key in ipairs(KEYS) do
    local hits = redis.call('INCRBY', key, ARGV[2 * i - 1])
    local left = redis.call('PTTL', key)
    if left < 0 then
      left = tonumber(ARGV[2 * i])
      redis.call('PEXPIRE', key, left)
    end
    told[2 * i - 1] = hits
    told[2 * i] = left
  end
  return told
`);
