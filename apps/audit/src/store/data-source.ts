import { ChainEntity } from './chain.entity.js';
import { DeadFactEntity } from './dead-fact.entity.js';
import { EntryEntity } from './entry.entity.js';
import { Entries1763640000000 } from './migrations/1763640000000-entries.js';
import { MergedUsers1764700000000 } from './migrations/1764700000000-merged-users.js';
import { Traces1764800000000 } from './migrations/1764800000000-traces.js';
import { RecordedFacts1764900000000 } from './migrations/1764900000000-recorded-facts.js';

/** What `tools/migrate.mjs` and the service itself need to know of this store. */
export const store = {
  schema: 'audit',
  entities: [EntryEntity, ChainEntity, DeadFactEntity],
  migrations: [Entries1763640000000, MergedUsers1764700000000, Traces1764800000000, RecordedFacts1764900000000],
};
