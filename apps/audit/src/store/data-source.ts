import { ChainEntity } from './chain.entity.js';
import { DeadFactEntity } from './dead-fact.entity.js';
import { EntryEntity } from './entry.entity.js';
import { schema } from './schema.js';

/** What the migrations of this service build, for `tools/migrate.mjs`. */
export const store = {
  ...schema,
  entities: [EntryEntity, ChainEntity, DeadFactEntity],
};
