import { EmailEntity } from './email.entity.js';
import { ErasedEntity } from './erased.entity.js';
import { Users1763620000000 } from './migrations/1763620000000-users.js';
import { AnonymousAndErased1763640000000 } from './migrations/1763640000000-anonymous-and-erased.js';
import { Passwords1763650000000 } from './migrations/1763650000000-passwords.js';
import { PasswordEntity } from './password.entity.js';
import { PasswordFailuresEntity } from './password-failures.entity.js';
import { SecondFactorEntity } from './second-factor.entity.js';
import { UserEntity } from './user.entity.js';

/** What `tools/migrate.mjs` and the service itself need to know of this store. */
export const store = {
  schema: 'identity',
  entities: [UserEntity, EmailEntity, ErasedEntity, PasswordEntity, SecondFactorEntity, PasswordFailuresEntity],
  migrations: [Users1763620000000, AnonymousAndErased1763640000000, Passwords1763650000000],
};
