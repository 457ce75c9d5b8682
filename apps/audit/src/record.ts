import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { FactStream } from '#bus/facts';
import type { Following } from '#bus/follow';
import type { Fact } from '#contracts/fact';
import { Log } from '#log/log';
import { entryOf, MalformedFact } from './domain/entry.js';
import { DeadFactsStore } from './store/dead-facts.store.js';
import { EntriesStore } from './store/entries.store.js';

/** So often a fact is tried before it is set aside. */
export const triesOfAFact = 5;

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
    return this.facts.follow({ durable, handle: (facts) => this.run(facts) });
  }

  /**
   * Resolves once every fact is recorded, or was set aside after its last try; rejects when they must come again. Where
   * one fact of a batch is to blame, the stream hands over each alone next.
   */
  async run(facts: readonly Fact[]): Promise<void> {
    try {
      await this.entries.append(facts.map(entryOf));
    } catch (error) {
      const [fact, ...others] = facts;
      if (!fact || others.length > 0 || !isOwnFault(error)) throw error;
      await this.countTry(fact, error);
    }
  }

  private async countTry(fact: Fact, error: Error): Promise<void> {
    const tries = await this.deadFacts.count(fact, error.message);
    if (tries < triesOfAFact) throw error;
    this.log.error('a fact is set aside: it cannot be recorded', { id: fact.id, type: fact.type, tries, err: error });
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
