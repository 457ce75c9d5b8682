import type { FastifyReply, FastifyRequest } from 'fastify';
import { withCall } from '#bus/call';
import { callOf } from './call.js';
import { foreignOrigin } from './same-origin.js';

/** How long a browser may remember a preflight, in seconds. */
const memory = 600;
const sentByAll = ['authorization', 'content-type'];
const seenByAll = ['retry-after', 'segue-outcome', 'ratelimit', 'ratelimit-policy', 'traceparent'];

/**
 * Lets pages of clients' origins call the routes that are meant for them (Fetch standard, "CORS protocol"). A preflight
 * names no client, so any active client's origin will do; the route itself refuses what its own client does not list.
 * Every other origin gets no word of it (S-106).
 */
export function crossOriginHook(knowsOrigin: (origin: string) => Promise<boolean>, ownOrigin: string) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { crossOrigin } = request.routeOptions.config;
    if (!crossOrigin) return undefined;
    const { sends = [], sees = [] } = crossOrigin === true ? {} : crossOrigin;
    const origin = foreignOrigin(request.headers, ownOrigin);
    if (origin === null || !(await withCall(callOf(request), () => knowsOrigin(origin)))) return undefined;

    reply
      .header('access-control-allow-origin', origin)
      .header('access-control-allow-credentials', 'true')
      .header('access-control-expose-headers', [...seenByAll, ...sees].join(', '));
    if (!isPreflight(request)) return undefined;
    return reply
      .code(204)
      .header('access-control-allow-methods', 'GET, POST, DELETE')
      .header('access-control-allow-headers', [...sentByAll, ...sends].join(', '))
      .header('access-control-max-age', memory)
      .send();
  };
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}
