import { Token1763600000000 } from './migrations/1763600000000-token.js';
import { Revocations1764600000000 } from './migrations/1764600000000-revocations.js';
import { Listed1764600100000 } from './migrations/1764600100000-listed.js';
import { Guesses1764700000000 } from './migrations/1764700000000-guesses.js';

/** What the service itself needs to know of this store; without the entities, which would bring TypeORM with them. */
export const schema = {
  schema: 'token',
  migrations: [Token1763600000000, Revocations1764600000000, Listed1764600100000, Guesses1764700000000],
};
