import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { FactFeed } from '#bus/feed';
import type { Fact } from '#contracts/fact';
import { session } from '#contracts/session';
import { token } from '#contracts/token';
import { Log } from '#log/log';
import { metrics } from '#metrics/metrics';
import { Readiness } from '#ops/readiness';
import { Pulse } from './pulse.js';
import { RevocationSet, revokingFacts } from './revocation-set.js';

/** Whose facts end tokens. */
const owners = ['identity', 'token', 'session'];
/** Times in ms. Beats come every second. */
const patienceMs = 4_000;
const relearnMs = 30_000;
const lookMs = 100;
const clearMs = 1_000;
/** A gateway waits so long for its first set before it takes work: it answers 503 where only the set could tell. */
const firstSetMs = 3_000;
const shortestPauseMs = 250;
const longestPauseMs = 15_000;
const betweenLinesMs = 30_000;

const clearedAtOnce = 20_000;
/** Facts heard while a snapshot is taken, of less than a KiB each. More is a flood: the next snapshot contains them. */
const mostBuffered = 20_000;

/**
 * The revocation set of this gateway, as long as it can be trusted (state.md, "Revocation feed"): hear every owner →
 * take the snapshots → apply what was heard meanwhile; then every fact as it comes. Whatever makes the set doubtful
 * makes it worthless: another is made. Until then whoever checks a token asks its owner.
 */
@Injectable()
export class Revocations implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #pulses = new Map(owners.map((owner) => [owner, new Pulse(patienceMs, relearnMs)]));
  readonly #stopping = new AbortController();
  #set: RevocationSet | undefined;
  #wasKnown = false;
  #heard: Fact[] = [];
  /** How often something came between. */
  #doubts = 0;
  #listening: { stop(): void } | undefined;
  #nextLine = 0;
  readonly #unwatch: (() => void)[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly feed: FactFeed,
    private readonly log: Log,
    readiness: Readiness,
  ) {
    const patienceEnds = performance.now() + firstSetMs;
    readiness.add('revocations', async () => {
      if (!this.#wasKnown && performance.now() < patienceEnds) throw new Error('not known yet');
    });
  }

  onApplicationBootstrap(): void {
    this.#listening = this.feed.listen({
      types: revokingFacts,
      fact: (fact) => this.#take(fact),
      beat: (owner, publishedUpTo) => this.#pulses.get(owner)?.hear(publishedUpTo, performance.now()),
      interrupted: (why) => this.#lose(why),
    });
    this.#show();
    void this.#run();
  }

  onModuleDestroy(): void {
    this.#stopping.abort();
    this.#listening?.stop();
    for (const end of this.#unwatch) end();
  }

  /**
   * The set, while every revocation of more than a moment ago is surely in it; `null` = ask the owner.
   *
   * @param now milliseconds, monotonic
   */
  trusted(now = performance.now()): RevocationSet | null {
    const set = this.#set;
    if (!set) return null;
    const silent = this.#silentOwner(now);
    if (silent) this.#lose(`${silent} is silent`);
    else if (set.isFull) this.#lose('the set is full');
    else return set;
    return null;
  }

  #show(): void {
    for (const [owner, pulse] of this.#pulses)
      this.#unwatch.push(metrics.feedAge.watch({ owner }, () => pulse.age(performance.now()) / 1000));
    this.#unwatch.push(
      metrics.feedTrusted.watch({}, () => Number(this.trusted() !== null)),
      metrics.revocations.watch({}, () => this.trusted()?.size),
    );
  }

  async #run(): Promise<void> {
    let pause = shortestPauseMs;
    while (!this.#stopping.signal.aborted) {
      const made = await this.#make();
      const began = performance.now();
      while (made && this.trusted() && !this.#stopping.signal.aborted) await this.#keep(made);
      // A feed that never holds for long must not have the owners read out everything again and again.
      const held = performance.now() - began > longestPauseMs;
      pause = held ? shortestPauseMs : Math.min(pause * 2, longestPauseMs);
      await this.#pause(pause * (0.5 + Math.random() / 2));
    }
  }

  /** A set that knows everything; `undefined` where something came between. */
  async #make(): Promise<RevocationSet | undefined> {
    while (this.#silentOwner(performance.now()) && !this.#stopping.signal.aborted) await this.#pause(lookMs);
    const doubts = this.#doubts;
    const set = new RevocationSet();
    try {
      await everyPage(
        set,
        (place) => this.bus.ask(session.snapshot, place),
        (page) => set.takeSessions(page, seconds()),
      );
      await everyPage(
        set,
        (place) => this.bus.ask(token.snapshot, place),
        (page) => set.takeKeys(page, seconds()),
      );
      for (const fact of this.#heard) set.hear(fact);
    } catch (err) {
      this.#report('the revocations cannot be read', { err });
      return undefined;
    }
    if (doubts !== this.#doubts || this.#silentOwner(performance.now())) return undefined;
    this.#heard = [];
    this.#set = set;
    this.#wasKnown = true;
    this.log.info('revocations are known: access tokens are checked here', { entries: set.size });
    return set;
  }

  async #keep(set: RevocationSet): Promise<void> {
    await this.#pause(clearMs);
    set.clear(seconds(), clearedAtOnce);
  }

  #take(fact: Fact): void {
    try {
      if (this.#set) this.#set.hear(fact);
      else this.#heard.push(fact);
    } catch (err) {
      this.log.error('a fact is not what its contract says', { type: fact.type, err });
      this.#lose('a fact could not be read');
    }
    if (this.#heard.length > mostBuffered) this.#lose('too many facts at once');
  }

  #lose(why: string): void {
    const known = this.#set;
    this.#doubts++;
    this.#set = undefined;
    this.#heard = [];
    for (const pulse of this.#pulses.values()) pulse.forget();
    if (known) this.log.warn('revocations may be missing: access tokens are checked with their owner', { why });
  }

  #silentOwner(now: number): string | undefined {
    for (const [owner, pulse] of this.#pulses) if (!pulse.isFresh(now)) return owner;
    return undefined;
  }

  #report(message: string, fields: { err: unknown }): void {
    const now = performance.now();
    if (now < this.#nextLine) return;
    this.#nextLine = now + betweenLinesMs;
    this.log.warn(message, fields);
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined);
  }
}

const seconds = () => Date.now() / 1000;

/** Every page, or as many as the set may hold: `trusted` sees that it is full. */
async function everyPage<Page extends { readonly nextCursor: string | null }>(
  set: RevocationSet,
  ask: (place: { cursor?: string }) => Promise<Page>,
  take: (page: Page) => void,
): Promise<void> {
  let cursor: string | null = null;
  do {
    const page: Page = await ask(cursor === null ? {} : { cursor });
    take(page);
    cursor = page.nextCursor;
  } while (cursor !== null && !set.isFull);
}
