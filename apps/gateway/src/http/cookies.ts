import cookie from '@fastify/cookie';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const none = Object.freeze({});

/**
 * Cookies are read of the requests that bring some: most do not, and need no container of their own.
 *
 * @returns what reads them: nothing else may ask for cookies before it
 */
export async function readCookies(server: FastifyInstance): Promise<(request: FastifyRequest) => void> {
  await server.register(cookie, { hook: false });
  return (request) => {
    const { cookie: brought } = request.headers;
    request.cookies = brought === undefined ? none : server.parseCookie(brought);
  };
}
