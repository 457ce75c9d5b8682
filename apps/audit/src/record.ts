import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { FactStream } from '#bus/facts';
import type { Following } from '#bus/follow';
import type { Fact } from '#contracts/fact';
import { Log } from '#log/log';
import { entryOf, MalformedFact, traceIdOf } from './domain/entry.js';
import { DeadFactsStore } from './store/dead-facts.store.js';
import { EntriesStore } from './store/entries.store.js';

const mostTries = 5;
/** Nobody waits for the audit: the more facts share a statement, the less each of them costs. */
const groups = { batch: 1000, gatherMs: 100 };

/** Hears every fact and writes it once. Nobody tells audit anything. */
@Injectable()
export class RecordFacts implements OnApplicationBootstrap {
  constructor(
    private readonly facts: FactStream,
    private readonly entries: EntriesStore,
    private readonly deadFacts: DeadFactsStore,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.follow('audit');
  }

  /** @param durable name of the consumer: replicas that share it share the facts */
  follow(durable: string): Following {
    return this.facts.follow({ durable, ...groups, handle: (facts) => this.run(facts) });
  }

  /**
   * Resolves once every fact is recorded or set aside; rejects when they must come again. A fact that cannot be recorded
   * is found by halving, and set aside after so many tries: it holds up none of those it came with.
   */
  async run(facts: readonly Fact[], tries = 1): Promise<void> {
    try {
      await this.entries.append(facts.map(entryOf));
      this.noteTraces(facts);
    } catch (error) {
      const [fact, ...others] = facts;
      if (!fact || !isOwnFault(error)) throw error;
      if (others.length > 0) await this.runHalves(facts);
      else if (tries < mostTries) await this.run([fact], tries + 1);
      else await this.setAside(fact, error);
    }
  }

  /** A batch belongs to many calls: their traces are told one by one. */
  private noteTraces(facts: readonly Fact[]): void {
    if (!this.log.shows('debug')) return;
    for (const { id, type, traceparent } of facts) {
      this.log.debug('recorded', { id, type, ...(traceparent !== null && { trace: traceIdOf(traceparent) }) });
    }
  }

  private async runHalves(facts: readonly Fact[]): Promise<void> {
    const middle = Math.ceil(facts.length / 2);
    await this.run(facts.slice(0, middle));
    await this.run(facts.slice(middle));
  }

  private async setAside(fact: Fact, error: Error): Promise<void> {
    await this.deadFacts.keep(fact, error.message);
    this.log.error('a fact cannot be recorded and is set aside', { id: fact.id, type: fact.type, err: error });
  }
}

/**
 * Whether the fact itself is to blame: it is malformed, or Postgres refuses its values (SQLSTATE classes 22 data
 * exception, 23 integrity constraint, 54 program limit). Anything else, e.g. a full disk, is no reason to give it up.
 */
function isOwnFault(error: unknown): error is Error {
  if (error instanceof MalformedFact) return true;
  return error instanceof Error && 'code' in error && /^(22|23|54)[0-9A-Z]{3}$/.test(String(error.code));
}
