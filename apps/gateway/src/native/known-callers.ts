import type { FastifyInstance } from 'fastify';
import type { CallerGuard } from '../guards/caller.guard.js';
import { forwardAuth, tell } from './verify.controller.js';

/**
 * Answers forward-auth for callers who are known without asking anybody. A proxy asks before every request of another
 * service, mostly with a token seen a moment ago; what Nest does around such a handler costs more than all the rest. Who
 * is not known here, or not let in, goes on to `VerifyController`, so nothing is decided but what its guard would allow.
 * Call it before any route is made: it comes after all that the edge asks of a request.
 */
export function answerKnownCallers(server: FastifyInstance, guard: Pick<CallerGuard, 'at'>): void {
  server.addHook('onRoute', (route) => {
    if (route.url !== `/${forwardAuth}` || route.method !== 'GET') return;
    route.preValidation = (request, reply, done) => {
      const caller = guard.at(request);
      if (caller) tell(reply, caller).code(204).send();
      else done();
    };
  });
}
