import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { FactStream } from '#bus/facts';
import type { Following } from '#bus/follow';
import type { Fact } from '#contracts/fact';
import { Log } from '#log/log';
import { Outbox } from '#outbox/outbox';
import { type RaisedEpoch, raisedBy, raisingFacts } from './domain/epoch.js';
import { Heard } from './heard.js';
import { EpochsStore } from './store/epochs.store.js';

/** For each client in a batch: 100 000 sessions in about a second, well before the facts would come again. */
const mostStretches = 50;

/** Hears which users, keys and clients changed so that their sessions must end (state.md, "Epoch"). */
@Injectable()
export class FollowFacts implements OnApplicationBootstrap {
  constructor(
    private readonly facts: FactStream,
    private readonly epochs: EpochsStore,
    private readonly outbox: Outbox,
    private readonly heard: Heard,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.heard.add(this.follow('session'));
  }

  /**
   * A consumer for each type: one for all of them would be sent every fact there is (NATS 2.9 takes a single filter).
   *
   * @param name what their names begin with: replicas that share it share the facts
   */
  follow(name: string): Following[] {
    return raisingFacts.map((type) => {
      const durable = `${name}-${type.replace('.', '-')}`;
      return this.facts.follow({ durable, types: [type], handle: (facts) => this.run(facts) });
    });
  }

  /** Hearing a fact again changes nothing. */
  async run(facts: readonly Fact[]): Promise<void> {
    const raised = facts.map((fact) => this.read(fact)).filter((epoch) => epoch !== null);
    await this.epochs.raise(raised);
    await this.epochs.closeStale(raised, mostStretches);
    this.outbox.kick();
  }

  /** What cannot be understood now never can: it is told and passed over, so that it holds up nobody. */
  private read(fact: Fact): RaisedEpoch | null {
    try {
      return raisedBy(fact);
    } catch (err) {
      this.log.error('a fact is not what its contract says', { fact: fact.id, type: fact.type, err });
      return null;
    }
  }
}
