import { z } from 'zod';
import { developmentDefault, flag, port, publicUrlEnv, redisEnv, runtimeEnv, secret } from '#env/fields';
import { isTrustedProxyList } from './http/address.js';
import { defaultLimits, parseLimits } from './http/limits.js';

export const gatewayEnv = z.object({
  ...runtimeEnv,
  ...redisEnv,
  ...publicUrlEnv,
  PORT: port(8080).describe('the public listener'),
  TRUSTED_PROXIES: z
    .string()
    .default('')
    .refine(isTrustedProxyList, { error: 'addresses or networks (CIDR), separated by commas' })
    .transform((list) => list.split(',').filter(Boolean))
    .describe('whose `X-Forwarded-For` is believed: addresses or networks, separated by commas; empty: nobody’s'),
  ADMIN_KEY: developmentDefault(secret(), 'development-admin-key').describe('the bearer key of the admin routes'),
  PEPPER: developmentDefault(secret(), 'development-pepper').describe(
    'keys the hash of network addresses in counters and facts; the same in every gateway',
  ),
  TRACE_ENABLED: flag(true).describe(
    'whether `TRACE /v1/auth` re-authenticates (protocol 002); a client can be kept from it by `features.trace`',
  ),
  LIMITS: z
    .string()
    .default('')
    .transform((text, context) => {
      try {
        return parseLimits(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'not readable' });
        return z.NEVER;
      }
    })
    .describe(
      `limits that differ from the defaults, such as \`link=600/1m\`; names: ${Object.keys(defaultLimits).join(', ')}`,
    ),
});
export type GatewayConfig = z.output<typeof gatewayEnv>;
