import type { KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { FactFeed } from '#bus/feed';
import type { Reply } from '#contracts/service';
import { token } from '#contracts/token';
import { Briefly } from './briefly.js';
import { ed25519Key } from './jwt.js';

type KeySet = Reply<typeof token.keys>;

const lifeMs = 60_000;
/** A `kid` nobody knows has the set fetched again, but no more often than this. */
const restMs = 5_000;
const all = 'all';

/** The public keys, at most a minute old: a new key is published long before it signs (S-54). */
@Injectable()
export class SigningKeys {
  readonly #sets: Briefly<{ set: KeySet; keys: ReadonlyMap<string, KeyObject>; fetchedAt: number }>;

  constructor(bus: Bus, feed: FactFeed) {
    this.#sets = new Briefly(lifeMs, async () => {
      const set = await bus.ask(token.keys, {});
      return { set, keys: new Map(set.keys.map(({ kid, x }) => [kid, ed25519Key(x)])), fetchedAt: Date.now() };
    });
    const forget = () => this.#sets.forgetAll();
    feed.listen({ types: ['signing_key.rotated'], fact: forget, interrupted: forget });
  }

  async published(): Promise<KeySet> {
    return (await this.#sets.get(all)).set;
  }

  /** One that nobody need be asked for. */
  at(kid: string): KeyObject | undefined {
    return this.#sets.at(all)?.keys.get(kid);
  }

  async find(kid: string): Promise<KeyObject | undefined> {
    const { keys, fetchedAt } = await this.#sets.get(all);
    if (keys.has(kid) || Date.now() - fetchedAt < restMs) return keys.get(kid);
    return (await this.#sets.again(all)).keys.get(kid);
  }
}
