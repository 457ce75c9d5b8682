import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FastifyInstance, fastify } from 'fastify';
import { answerKnownCallers } from './known-callers.js';

const somebody = { clientId: 'portal00', subject: 'u1', sessionId: 's1', scopes: ['a', 'b'] };

describe('forward-auth for known callers', () => {
  let server: FastifyInstance;

  beforeAll(() => {
    server = fastify();
    server.addHook('preValidation', ({ query }, reply, done) => {
      if ((query as { refused?: string }).refused === undefined) done();
      else reply.code(400).send();
    });
    answerKnownCallers(server, { at: ({ headers }) => (headers.authorization === 'Bearer seen' ? somebody : null) });
    server.get('/v1/verify', (_request, reply) => reply.send('asked'));
    server.get('/v1/session', (_request, reply) => reply.send('asked'));
  });
  afterAll(() => server.close());

  const ask = (url: string, authorization: string) => server.inject({ url, headers: { authorization } });

  it('is answered without the route', async () => {
    const { statusCode, headers, body } = await ask('/v1/verify', 'Bearer seen');
    expect([statusCode, body]).toEqual([204, '']);
    expect(headers).toMatchObject({ 'x-user-id': 'u1', 'x-client-id': 'portal00', 'x-scopes': 'a b' });
  });

  it('is left to the route for everybody else, and every other route is', async () => {
    expect((await ask('/v1/verify', 'Bearer other')).body).toBe('asked');
    expect((await ask('/v1/session', 'Bearer seen')).body).toBe('asked');
  });

  it('comes after what is asked of every request', async () => {
    expect((await ask('/v1/verify?refused=', 'Bearer seen')).statusCode).toBe(400);
  });
});
