import { Entries1763640000000 } from './migrations/1763640000000-entries.js';
import { MergedUsers1764700000000 } from './migrations/1764700000000-merged-users.js';
import { Traces1764800000000 } from './migrations/1764800000000-traces.js';
import { RecordedFacts1764900000000 } from './migrations/1764900000000-recorded-facts.js';

/** What the service itself needs to know of this store; without the entities, which would bring TypeORM with them. */
export const schema = {
  schema: 'audit',
  migrations: [Entries1763640000000, MergedUsers1764700000000, Traces1764800000000, RecordedFacts1764900000000],
};
