import type { z } from 'zod';
import { auditEnv } from '../../apps/audit/src/audit.config.js';
import { gatewayEnv } from '../../apps/gateway/src/gateway.config.js';
import { identityEnv } from '../../apps/identity/src/identity.config.js';
import { sessionEnv } from '../../apps/session/src/session.config.js';
import { tokenEnv } from '../../apps/token/src/token.config.js';

/** What each service reads, by its own schema. */
const schemas = {
  gateway: gatewayEnv,
  identity: identityEnv,
  token: tokenEnv,
  session: sessionEnv,
  audit: auditEnv,
} as const satisfies Record<string, z.ZodObject>;

export type ServiceName = keyof typeof schemas;
export const services = Object.keys(schemas) as ServiceName[];

const metaOf = (field: unknown) => (field as z.ZodType).meta() ?? {};

/** Everything it may be told. */
export const settingsOf = (service: ServiceName): string[] => Object.keys(schemas[service].shape);

/** What it does not start without in production; NODE_ENV says that it is. */
export const requiredBy = (service: ServiceName): string[] =>
  Object.entries(schemas[service].shape)
    .filter(([, field]) => 'developmentDefault' in metaOf(field) || !field.safeParse(undefined).success)
    .map(([name]) => name)
    .concat('NODE_ENV');

/** What must come from a Secret. */
export const secretsOf = (service: ServiceName): string[] =>
  Object.entries(schemas[service].shape)
    .filter(([, field]) => metaOf(field)['secret'])
    .map(([name]) => name);

/** What the migration reads (tools/migrate.mjs). */
export const migrationReads = [
  'DATABASE_URL',
  ...['IDENTITY', 'TOKEN', 'SESSION', 'AUDIT'].map((owner) => `POSTGRES_${owner}_PASSWORD`),
];
