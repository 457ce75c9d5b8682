import { CrowdEntity } from './crowd.entity.js';
import { EpochEntity } from './epoch.entity.js';
import { schema } from './schema.js';
import { SessionEntity } from './session.entity.js';

/** What the migrations of this service build, for `tools/migrate.mjs`. */
export const store = {
  ...schema,
  entities: [SessionEntity, EpochEntity, CrowdEntity],
};
