import cookie from '@fastify/cookie';
import type { FastifyInstance } from 'fastify';

const none = Object.freeze({});

/** Cookies are read of the requests that bring some: most do not, and need no container of their own. */
export async function readCookies(server: FastifyInstance): Promise<void> {
  await server.register(cookie, { hook: false });
  server.addHook('onRequest', (request, _reply, done) => {
    const { cookie: brought } = request.headers;
    request.cookies = brought === undefined ? none : server.parseCookie(brought);
    done();
  });
}
