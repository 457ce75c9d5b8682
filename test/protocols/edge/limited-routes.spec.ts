import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultLimits } from '../../../apps/gateway/src/http/limits.js';
import { request } from '../../support/http.js';
import { allRoutes, type Route } from '../../support/routes.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

/** Where a guard counts: a key once it is proven, a wrong one for its address. */
const countedByGuards: readonly (readonly [path: RegExp, limit: string])[] = [
  [/^\/v1\/admin\//, 'admin'],
  [/^\/oauth2\//, 'introspection'],
  [/^\/api\/token$/, 'password'],
  [/^\/v1\/auth$/, 'client-auth'],
  [/^\/v1\/client$/, 'client-token'],
];

/** What nobody gains by asking often: it changes nothing, guesses at nothing, and mostly asks nobody. */
const unlimited = new Set([
  // Who is signed in, by a credential of 256 bit
  'GET /v1/session',
  'DELETE /v1/session',
  'GET /v1/verify',
  'GET /v1/media/verify',
  'POST /demo/sign-out',
  // Protocol 003: a backend by its private key, or who is signed in there; guesses at secrets have budgets of their own
  'POST /v1/users',
  'GET /v1/users/:userId',
  'POST /v1/users/:userId/tokens',
  'POST /v1/users/:userId/jwts',
  'GET /v1/account',
  'POST /v1/account/jwts',
  'POST /v1/account/jwt',
  'GET /v1/account/sessions',
  'DELETE /v1/account/sessions',
  'GET /v1/account/sessions/:sessionId',
  'DELETE /v1/account/sessions/:sessionId',
  // The same for everybody
  'ALL /v1/users/*',
  'ALL /v1/account/*',
  'GET /v1/ping',
  'GET /',
  'GET /demo',
  'GET /.well-known/jwks.json',
  'GET /.well-known/oauth-authorization-server',
]);

const limitedBy = ({ path, limit }: Route) => limit ?? countedByGuards.find(([start]) => start.test(path))?.[1];

describe('every route', () => {
  let stack: Stack;
  let host = 0;
  const routes = allRoutes();
  const limited = routes.flatMap((route) => {
    const limit = limitedBy(route);
    return limit === undefined ? [] : [{ ...route, limit }];
  });

  beforeAll(async () => {
    const LIMITS = Object.keys(defaultLimits)
      .map((name) => `${name}=1/1h`)
      .join(',');
    stack = await startStack({ env: { LIMITS, TRUSTED_PROXIES: '127.0.0.1' } });
  }, startMs);
  afterAll(() => stack?.stop());

  it('has a limit, or says why not', () => {
    const without = routes.filter((route) => limitedBy(route) === undefined).map(({ name }) => name);
    expect(new Set(without)).toEqual(unlimited);
  });

  it('that is limited uses one of the limits there are, and none is for nothing', () => {
    expect(new Set(limited.map(({ limit }) => limit))).toEqual(new Set(Object.keys(defaultLimits)));
  });

  it.each(limited.map((route) => [route.name, route] as const))(
    '%s tells its limit, and how long to wait beyond it (S-101)',
    async (_name, { method, path, limit }) => {
      const address = { 'x-forwarded-for': `198.51.100.${++host % 250}` };
      const url = `${stack.url}${path.replaceAll(/:\w+/g, 'x')}`;
      const send = () => request(url, { method, headers: { ...address, accept: 'application/json' } });

      const first = await send();
      expect(first.status).not.toBe(429);
      expect(first.status).toBeLessThan(500);
      expect(first.headers['ratelimit-policy']).toBe(`"${limit}";q=1;w=3600`);
      expect(first.headers['ratelimit']).toMatch(new RegExp(`^"${limit}";r=0;t=(3600|35\\d\\d)$`));
      expect(first.headers['retry-after']).toBeUndefined();

      const second = await send();
      expect(second.status).toBe(429);
      expect(second.headers['ratelimit-policy']).toBe(`"${limit}";q=1;w=3600`);
      expect(second.headers['ratelimit']).toMatch(new RegExp(`^"${limit}";r=0;t=(3600|35\\d\\d)$`));
      expect(Number(second.headers['retry-after'])).toBeGreaterThan(3_500);
    },
  );
});
