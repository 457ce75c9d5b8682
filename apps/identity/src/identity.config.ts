import { z } from 'zod';
import { postgresEnv, runtimeEnv } from '#env/fields';

export const identityEnv = z.object({ ...runtimeEnv, ...postgresEnv });

export type IdentityConfig = z.output<typeof identityEnv>;
