import { type DynamicModule, Module } from '@nestjs/common';
import { Log } from '#log/log';
import { OutboxModule } from '#outbox/outbox.module';
import { PostgresModule } from '#postgres/postgres.module';
import { Upkeep } from '#postgres/upkeep';
import { Arrive } from './arrive.js';
import { CreateUser } from './create-user.js';
import { GetUser } from './get-user.js';
import type { IdentityConfig } from './identity.config.js';
import { IdentityController } from './identity.controller.js';
import { ListUsers } from './list-users.js';
import { StartAnonymous } from './start-anonymous.js';
import { store } from './store/data-source.js';
import { UsersStore } from './store/users.store.js';
import { UpdateUser } from './update-user.js';
import { UserController } from './user.controller.js';
import { UserStanding } from './user-standing.js';

@Module({
  controllers: [IdentityController, UserController],
  providers: [
    UsersStore,
    Arrive,
    StartAnonymous,
    GetUser,
    CreateUser,
    ListUsers,
    UpdateUser,
    UserStanding,
    { provide: Upkeep, inject: [UsersStore, Log], useFactory: upkeep },
  ],
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

/** Anonymous accounts nobody claimed within 30 days; subscribers are told by `user.erased`. */
function upkeep(users: UsersStore, log: Log): Upkeep {
  return new Upkeep({
    everyMs: 600_000,
    log,
    jobs: { 'forget anonymous accounts': (most) => users.forgetAnonymous(most) },
  });
}
