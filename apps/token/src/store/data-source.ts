import { ApiKeyEntity } from './api-key.entity.js';
import { ClientEntity } from './client.entity.js';
import { ClientGuessesEntity } from './client-guesses.entity.js';
import { LinkSecretEntity } from './link-secret.entity.js';
import { Token1763600000000 } from './migrations/1763600000000-token.js';
import { Revocations1764600000000 } from './migrations/1764600000000-revocations.js';
import { Listed1764600100000 } from './migrations/1764600100000-listed.js';
import { Guesses1764700000000 } from './migrations/1764700000000-guesses.js';
import { SigningKeyEntity } from './signing-key.entity.js';
import { UserGuessesEntity } from './user-guesses.entity.js';

/** What the migrations of this service build, and where. */
export const store = {
  schema: 'token',
  entities: [ClientEntity, LinkSecretEntity, ApiKeyEntity, SigningKeyEntity, UserGuessesEntity, ClientGuessesEntity],
  migrations: [Token1763600000000, Revocations1764600000000, Listed1764600100000, Guesses1764700000000],
};
