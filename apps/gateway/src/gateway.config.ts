import { z } from 'zod';
import { developmentDefault, port, redisEnv, runtimeEnv, secret } from '#env/fields';
import { isTrustedProxyList } from './http/address.js';
import { defaultLimits, parseLimits } from './http/limits.js';

export const gatewayEnv = z.object({
  ...runtimeEnv,
  ...redisEnv,
  PORT: port(8080).describe('the public listener'),
  PUBLIC_URL: developmentDefault(z.string(), 'http://127.0.0.1:8080')
    .refine(isOrigin, { error: 'an origin such as https://id.example.com: scheme and host, no path' })
    .describe('how the world reaches the gateway: issuer, absolute URLs, and the host it answers for in production'),
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

function isOrigin(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === value;
}
