import { Users1763620000000 } from './migrations/1763620000000-users.js';
import { AnonymousAndErased1763640000000 } from './migrations/1763640000000-anonymous-and-erased.js';
import { Passwords1763650000000 } from './migrations/1763650000000-passwords.js';

/** What the service itself needs to know of this store; without the entities, which would bring TypeORM with them. */
export const schema = {
  schema: 'identity',
  migrations: [Users1763620000000, AnonymousAndErased1763640000000, Passwords1763650000000],
};
