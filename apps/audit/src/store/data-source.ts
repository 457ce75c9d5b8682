import { EntryEntity } from './entry.entity.js';
import { Entries1763640000000 } from './migrations/1763640000000-entries.js';

export const schema = 'audit';

export const store = { schema, entities: [EntryEntity], migrations: [Entries1763640000000] };
