import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { withCall } from '#bus/call';
import { callOf } from './call.js';
import type { RouteManners } from './manners.js';
import { foreignOrigin } from './same-origin.js';

/** How long a browser may remember a preflight, in seconds. */
const memory = 600;
const sentByAll = ['authorization', 'content-type'];
const seenByAll = ['retry-after', 'segue-outcome', 'ratelimit', 'ratelimit-policy', 'traceparent'];

/**
 * Lets pages of clients' origins call a route that is meant for them (Fetch standard, "CORS protocol"); `undefined` for
 * any other route. A preflight names no client, so any active client's origin will do; the route itself refuses what its
 * own client does not list. Every other origin gets no word of it (S-106).
 */
export function crossOriginHook(
  { crossOrigin }: RouteManners = {},
  knowsOrigin: (origin: string) => Promise<boolean>,
  ownOrigin: string,
): onRequestHookHandler | undefined {
  if (!crossOrigin) return undefined;
  const { sends = [], sees = [] } = crossOrigin === true ? {} : crossOrigin;
  const exposed = [...seenByAll, ...sees].join(', ');
  const allowed = [...sentByAll, ...sends].join(', ');

  function welcome(origin: string, request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    reply
      .header('access-control-allow-origin', origin)
      .header('access-control-allow-credentials', 'true')
      .header('access-control-expose-headers', exposed);
    if (!isPreflight(request)) done();
    else
      reply
        .code(204)
        .header('access-control-allow-methods', 'GET, POST, DELETE')
        .header('access-control-allow-headers', allowed)
        .header('access-control-max-age', memory)
        .send();
  }

  return (request, reply, done) => {
    const origin = foreignOrigin(request.headers, ownOrigin);
    if (origin === null) {
      done();
      return;
    }
    const asked = withCall(callOf(request), () => knowsOrigin(origin));
    asked.then((isKnown) => (isKnown ? welcome(origin, request, reply, done) : done()), done);
  };
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}
