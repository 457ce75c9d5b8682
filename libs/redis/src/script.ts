import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A Lua script: several commands that Redis runs as one, each still under the rights of the account that sends it. */
export class Script {
  readonly #sha: string;

  constructor(private readonly lua: string) {
    // the name Redis gives it
    this.#sha = createHash('sha1').update(lua).digest('hex');
  }

  /** Sends its digest, and its text only to a Redis that does not know it, which has then run nothing. */
  async run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(this.lua, keys.length, ...keys, ...args);
    }
  }
}
