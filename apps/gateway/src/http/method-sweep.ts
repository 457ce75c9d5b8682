import { METHODS } from 'node:http';
import { MethodNotAllowedException } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { RouteManners } from './manners.js';
import type { TracedAddresses } from './trace.js';

/**
 * Answers 405 with `Allow` for the methods a route does not have, be they ever so exotic (RFC 9110 section 15.5.6).
 * Call it before any route is made, and what it returns after all are.
 */
export function sweepMethods(server: FastifyInstance, traced: TracedAddresses): () => void {
  const exotic = METHODS.filter((method) => method !== 'CONNECT' && !server.supportedMethods.includes(method));
  for (const method of exotic) server.addHttpMethod(method);
  const routes = new Map<string, { methods: Set<string>; manners: RouteManners }>();
  let swept = false;
  server.addHook('onRoute', ({ url, method, config }) => {
    if (swept) return;
    const known = routes.get(url) ?? { methods: new Set(), manners: {} };
    for (const each of [method].flat()) known.methods.add(each);
    const { crossOrigin, envelope } = config ?? {};
    known.manners = { ...known.manners, ...(crossOrigin && { crossOrigin }), ...(envelope && { envelope }) };
    routes.set(url, known);
  });
  return () => {
    swept = true;
    for (const [url, { methods, manners }] of routes) {
      const allow = [...methods, ...(traced.has(url) ? ['TRACE'] : [])].sort().join(', ');
      server.route({
        url,
        method: server.supportedMethods.filter((method) => !methods.has(method)),
        // A preflight asks for the routes that are here, by a method that is not; a refusal is told as theirs are.
        config: manners,
        onRequest: (_request, reply, done) => {
          reply.header('allow', allow);
          done(new MethodNotAllowedException());
        },
        handler: () => undefined,
      });
    }
  };
}
