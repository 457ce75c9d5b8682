import { type DynamicModule, Global, Module } from '@nestjs/common';
import { GroupedFacts } from './grouped-facts.js';
import { OutboxLag } from './lag.js';
import { Outbox } from './outbox.js';
import { Refusals } from './refusals.js';
import { outboxOf, Relay } from './relay.js';

/**
 * Gives the service its `Outbox`, `GroupedFacts` and `Refusals`, globally, and runs the relay. Needs `Postgres`,
 * `FactStream` and `Log`.
 */
@Global()
@Module({})
export class OutboxModule {
  /** @param service whose outbox it is, for the log */
  static with({ service }: { readonly service: string }): DynamicModule {
    const providers = [Outbox, GroupedFacts, Refusals, Relay, OutboxLag, { provide: outboxOf, useValue: service }];
    return { module: OutboxModule, providers, exports: [Outbox, GroupedFacts, Refusals] };
  }
}
