import { type DynamicModule, Module } from '@nestjs/common';
import { Log } from '#log/log';
import { OutboxModule } from '#outbox/outbox.module';
import { PostgresModule } from '#postgres/postgres.module';
import { Upkeep } from '#postgres/upkeep';
import { parseKeyRing } from '#secrets/key-ring';
import { Arrive } from './arrive.js';
import { CheckPassword } from './check-password.js';
import { CreateUser } from './create-user.js';
import { GetUser } from './get-user.js';
import type { IdentityConfig } from './identity.config.js';
import { IdentityController } from './identity.controller.js';
import { ListUsers } from './list-users.js';
import { PasswordHashing } from './password-hashing.js';
import { SecondFactors } from './second-factors.js';
import { StartAnonymous } from './start-anonymous.js';
import { PasswordsStore } from './store/passwords.store.js';
import { schema } from './store/schema.js';
import { UsersStore } from './store/users.store.js';
import { Totp } from './totp.js';
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
    SecondFactors,
    CheckPassword,
    PasswordsStore,
    { provide: PasswordHashing, useFactory: () => new PasswordHashing() },
    { provide: Upkeep, inject: [UsersStore, PasswordsStore, Log], useFactory: upkeep },
  ],
})
export class IdentityModule {
  static with(config: IdentityConfig): DynamicModule {
    return {
      module: IdentityModule,
      imports: [
        PostgresModule.with({ ...schema, url: config.DATABASE_URL }),
        OutboxModule.with({ service: 'identity' }),
      ],
      providers: [{ provide: Totp, useFactory: () => new Totp(parseKeyRing(config.SEAL_KEYS.reveal())) }],
    };
  }
}

/** Anonymous accounts nobody claimed within 30 days, of which subscribers are told by `user.erased`, and old failures. */
function upkeep(users: UsersStore, passwords: PasswordsStore, log: Log): Upkeep {
  return new Upkeep({
    everyMs: 600_000,
    log,
    jobs: {
      'forget anonymous accounts': (most) => users.forgetAnonymous(most),
      'forget failures of passwords': (most) => passwords.forgetFailures(most),
    },
  });
}
