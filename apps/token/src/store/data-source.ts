import { ApiKeyEntity } from './api-key.entity.js';
import { ClientEntity } from './client.entity.js';
import { ClientGuessesEntity } from './client-guesses.entity.js';
import { LinkSecretEntity } from './link-secret.entity.js';
import { schema } from './schema.js';
import { SigningKeyEntity } from './signing-key.entity.js';
import { UserGuessesEntity } from './user-guesses.entity.js';

/** What the migrations of this service build, for `tools/migrate.mjs`. */
export const store = {
  ...schema,
  entities: [ClientEntity, LinkSecretEntity, ApiKeyEntity, SigningKeyEntity, UserGuessesEntity, ClientGuessesEntity],
};
