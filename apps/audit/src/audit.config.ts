import { z } from 'zod';
import { postgresEnv, runtimeEnv } from '#env/fields';

export const auditEnv = z.object({ ...runtimeEnv, ...postgresEnv });

export type AuditConfig = z.output<typeof auditEnv>;
