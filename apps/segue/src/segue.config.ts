import { z } from 'zod';

export const segueEnv = z.object({
  SERVICES: z
    .enum(['all', 'gateway', 'identity', 'token', 'session', 'audit'])
    .default('all')
    .describe(
      'what a process of `dist/apps/segue/src/main.js` runs: one service, or `all` five of them, which then need the ' +
        'settings of all and ask each other in memory; NATS still carries the facts',
    ),
});
