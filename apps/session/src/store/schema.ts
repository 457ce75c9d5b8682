import { Sessions1763600000000 } from './migrations/1763600000000-sessions.js';
import { ParentsAndRevocations1763900000000 } from './migrations/1763900000000-parents-and-revocations.js';
import { AppsAndCrowds1764600000000 } from './migrations/1764600000000-apps-and-crowds.js';

/** What the service itself needs to know of this store; without the entities, which would bring TypeORM with them. */
export const schema = {
  schema: 'session',
  migrations: [Sessions1763600000000, ParentsAndRevocations1763900000000, AppsAndCrowds1764600000000],
};
