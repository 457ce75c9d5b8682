import { EmailEntity } from './email.entity.js';
import { Users1763620000000 } from './migrations/1763620000000-users.js';
import { UserEntity } from './user.entity.js';

/** What `tools/migrate.mjs` and the service itself need to know of this store. */
export const store = { schema: 'identity', entities: [UserEntity, EmailEntity], migrations: [Users1763620000000] };
