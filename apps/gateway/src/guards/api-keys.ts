import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { FactFeed } from '#bus/feed';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import type { Reply } from '#contracts/service';
import { token } from '#contracts/token';
import { sha256Text } from '#secrets/digest';
import { Briefly } from './briefly.js';
import { changesOfClients } from './client-settings.js';

const lifeMs = 3_000;
/** What is longer is no key, and is not sent around. */
const longest = 512;

/** The API key that calls, with its client. */
export type KeyCaller = Reply<typeof token.authenticate>;

interface Presented {
  readonly key: string;
}

/**
 * Who an API key is. That a key is good is remembered for three seconds at most, under its digest, and forgotten as soon
 * as any key or client changes; that it is not, never.
 */
@Injectable()
export class ApiKeys {
  readonly #callers: Briefly<KeyCaller, Presented, Presented & { readonly attempt: Attempt }>;

  constructor(bus: Bus, feed: FactFeed) {
    this.#callers = new Briefly(
      lifeMs,
      (asked) => bus.ask(token.authenticate, asked),
      ({ key }) => sha256Text(key),
    );
    const forget = () => this.#callers.forgetAll();
    feed.listen({ types: ['key.deleted', 'key.rotated', ...changesOfClients], fact: forget, interrupted: forget });
  }

  /** @throws Fault `key.refused`, `account.suspended` */
  async check(key: string, attempt: Attempt): Promise<KeyCaller> {
    if (key.length > longest) throw new Fault('key.refused');
    const caller = await this.#callers.get({ key, attempt });
    // The owner refuses what has ended since, and records it.
    return hasEnded(caller) ? this.#callers.again({ key, attempt }) : caller;
  }

  /** The same of a key that was good a moment ago: nothing is awaited. `undefined` says nothing of it: `check` it. */
  at(key: string): KeyCaller | undefined {
    const caller = key.length > longest ? undefined : this.#callers.at({ key });
    return caller && !hasEnded(caller) ? caller : undefined;
  }
}

function hasEnded({ expiresAt }: KeyCaller): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now();
}
