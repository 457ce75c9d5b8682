import { EmailEntity } from './email.entity.js';
import { ErasedEntity } from './erased.entity.js';
import { PasswordEntity } from './password.entity.js';
import { PasswordFailuresEntity } from './password-failures.entity.js';
import { schema } from './schema.js';
import { SecondFactorEntity } from './second-factor.entity.js';
import { UserEntity } from './user.entity.js';

/** What the migrations of this service build, for `tools/migrate.mjs`. */
export const store = {
  ...schema,
  entities: [UserEntity, EmailEntity, ErasedEntity, PasswordEntity, SecondFactorEntity, PasswordFailuresEntity],
};
