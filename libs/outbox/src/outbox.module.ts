import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Outbox } from './outbox.js';
import { outboxOf, Relay } from './relay.js';

/** Gives the service its `Outbox`, globally, and runs the relay. Needs `Postgres`, `FactStream` and `Log`. */
@Global()
@Module({})
export class OutboxModule {
  /** @param service whose outbox it is, for the log */
  static with({ service }: { readonly service: string }): DynamicModule {
    const providers = [Outbox, Relay, { provide: outboxOf, useValue: service }];
    return { module: OutboxModule, providers, exports: [Outbox] };
  }
}
