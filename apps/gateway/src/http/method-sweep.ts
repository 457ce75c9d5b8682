import { METHODS } from 'node:http';
import { MethodNotAllowedException } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';

/**
 * Answers 405 with `Allow` for the methods a route does not have, be they ever so exotic (RFC 9110 section 15.5.6).
 * Call it before any route is made, and what it returns after all are.
 */
export function sweepMethods(server: FastifyInstance): () => void {
  const exotic = METHODS.filter((method) => method !== 'CONNECT' && !server.supportedMethods.includes(method));
  for (const method of exotic) server.addHttpMethod(method);
  const methods = new Map<string, Set<string>>();
  let swept = false;
  server.addHook('onRoute', ({ url, method }) => {
    if (swept) return;
    const known = methods.get(url) ?? new Set();
    for (const each of [method].flat()) known.add(each);
    methods.set(url, known);
  });
  return () => {
    swept = true;
    for (const [url, known] of methods) {
      const allow = [...known].sort().join(', ');
      server.route({
        url,
        method: server.supportedMethods.filter((method) => !known.has(method)),
        onRequest: (_request, reply, done) => {
          reply.header('allow', allow);
          done(new MethodNotAllowedException());
        },
        handler: () => undefined,
      });
    }
  };
}
