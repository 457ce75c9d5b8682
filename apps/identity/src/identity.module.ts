import { type DynamicModule, Module } from '@nestjs/common';
import { OutboxModule } from '#outbox/outbox.module';
import { PostgresModule } from '#postgres/postgres.module';
import { Arrive } from './arrive.js';
import { CreateUser } from './create-user.js';
import { GetUser } from './get-user.js';
import type { IdentityConfig } from './identity.config.js';
import { IdentityController } from './identity.controller.js';
import { ListUsers } from './list-users.js';
import { store } from './store/data-source.js';
import { UsersStore } from './store/users.store.js';
import { UserController } from './user.controller.js';

@Module({
  controllers: [IdentityController, UserController],
  providers: [UsersStore, Arrive, GetUser, CreateUser, ListUsers],
})
export class IdentityModule {
  static with(config: IdentityConfig): DynamicModule {
    return {
      module: IdentityModule,
      imports: [
        PostgresModule.with({ ...store, url: config.DATABASE_URL }),
        OutboxModule.with({ service: 'identity' }),
      ],
    };
  }
}
