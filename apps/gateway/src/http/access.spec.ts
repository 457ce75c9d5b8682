import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type FastifyInstance, fastify } from 'fastify';
import { createLog } from '#log/log';
import { metrics } from '#metrics/metrics';
import { noteAnswers } from './access.js';

describe('the note of an answer', () => {
  let server: FastifyInstance;
  afterEach(() => server.close());

  async function serve(level: 'info' | 'warn' = 'info') {
    const lines: string[] = [];
    server = fastify();
    server.decorateRequest('call', null);
    const note = noteAnswers(createLog({ service: 'spec', level, write: (line) => lines.push(line) }));
    server.addHook('onRequest', (request, reply, done) => {
      note(request, reply);
      done();
    });
    server.get('/spec/:secret', (_request, reply) => reply.code(201).send('made'));
    server.get('/spec/slow', async (request) => {
      await once(request.raw.socket, 'close');
      return 'too late';
    });
    const url = await server.listen({ port: 0, host: '127.0.0.1' });
    return { lines, url };
  }
  const counted = (labels: Parameters<typeof metrics.httpRequests.of>[0]) =>
    metrics.httpRequests.of(labels).counts.reduce((sum, count) => sum + count, 0);

  it('names the route and never what stands in its address', async () => {
    const { lines, url } = await serve();
    await fetch(`${url}/spec/hush?also=hush`);
    expect(lines.length).toBe(1);
    expect(lines[0]).not.toContain('hush');
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      ...{ level: 'info', time: expect.any(String), service: 'spec', msg: 'answered' },
      ...{ method: 'GET', route: '/spec/:secret', status: 201, ms: expect.any(Number) },
      trace: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(counted({ method: 'GET', route: '/spec/:secret', status: '2xx' })).toBe(1);
  });

  it('says where nobody waited for the answer', async () => {
    const { lines, url } = await serve();
    await expect(fetch(`${url}/spec/slow`, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    while (lines.length === 0) await delay(5);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ route: '/spec/slow', status: 'gone' });
    expect(counted({ method: 'GET', route: '/spec/slow', status: 'gone' })).toBe(1);
  });

  it('is only counted where the log is to be short', async () => {
    const { lines, url } = await serve('warn');
    await fetch(`${url}/spec/x/nowhere`);
    expect(lines).toEqual([]);
    expect(counted({ method: 'GET', route: 'unknown', status: '4xx' })).toBe(1);
  });
});
