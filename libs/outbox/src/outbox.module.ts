import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Outbox } from './outbox.js';
import { Relay } from './relay.js';

/** Gives the service its `Outbox`, globally, and runs the relay. Needs `Postgres`, `FactStream` and `Log`. */
@Global()
@Module({})
export class OutboxModule {
  static with(_of: { readonly service: string }): DynamicModule {
    return { module: OutboxModule, providers: [Outbox, Relay], exports: [Outbox] };
  }
}
