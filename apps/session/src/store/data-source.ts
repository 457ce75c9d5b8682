import { CrowdEntity } from './crowd.entity.js';
import { EpochEntity } from './epoch.entity.js';
import { Sessions1763600000000 } from './migrations/1763600000000-sessions.js';
import { ParentsAndRevocations1763900000000 } from './migrations/1763900000000-parents-and-revocations.js';
import { AppsAndCrowds1764600000000 } from './migrations/1764600000000-apps-and-crowds.js';
import { SessionEntity } from './session.entity.js';

/** What `tools/migrate.mjs` and the service itself need to know of this store. */
export const store = {
  schema: 'session',
  entities: [SessionEntity, EpochEntity, CrowdEntity],
  migrations: [Sessions1763600000000, ParentsAndRevocations1763900000000, AppsAndCrowds1764600000000],
};
