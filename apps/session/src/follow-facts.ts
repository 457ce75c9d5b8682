import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { FactStream } from '#bus/facts';
import type { Following } from '#bus/follow';
import type { Fact } from '#contracts/fact';
import { Outbox } from '#outbox/outbox';
import { raisedBy, raisingFacts } from './domain/epoch.js';
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
    const raised = facts.map(raisedBy).filter((epoch) => epoch !== null);
    await this.epochs.raise(raised);
    await this.epochs.closeStale(raised, mostStretches);
    this.outbox.kick();
  }
}
