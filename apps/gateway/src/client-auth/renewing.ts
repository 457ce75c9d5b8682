import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { bearerOf } from '../guards/bearer.js';
import { chainNamedBy } from '../guards/credential.js';
import type { CountedBy } from '../http/throttle.guard.js';

/**
 * The refresh token of a request: in its body, or as its bearer; never in a cookie, never in the address.
 *
 * @throws Fault `request.invalid` where there is none, or two that differ
 */
export function presentedToken(request: FastifyRequest): string {
  const body = tokenIn(request.body);
  const { authorization } = request.headers;
  const bearer = authorization === undefined ? undefined : (bearerOf(request) ?? '');
  const token = body ?? bearer;
  if (token === undefined || (bearer !== undefined && bearer !== token))
    throw new Fault('request.invalid', { detail: 'one refresh token is due, as the bearer or as `refresh_token`' });
  return token;
}

/** Each chain has a limit of its own; what names none counts for its address. */
export const byChain: CountedBy = (request, address) => {
  const token = tokenIn(request.body) ?? bearerOf(request);
  return token === undefined ? address : chainNamedBy(token);
};

/** The token a body names, of which nothing else is looked at: the limit asks for it before the body is checked. */
function tokenIn(body: unknown): string | undefined {
  const named: unknown = Object(body)['refresh_token'];
  return typeof named === 'string' ? named : undefined;
}

/** Access tokens are JWTs, and no other credential looks like one (state.md, "Credentials name themselves"). */
export function isJwt(token: string): boolean {
  return token.split('.').length === 3;
}
