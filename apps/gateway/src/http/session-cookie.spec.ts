import cookie from '@fastify/cookie';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FastifyInstance, fastify } from 'fastify';
import { SessionCookie } from './session-cookie.js';

const isEmbedded = ({ url }: { url: string }) => url.endsWith('?embedded');
const now = Date.parse('2026-11-20T12:00:00Z');

describe('session cookie', () => {
  let server: FastifyInstance;

  beforeAll(async () => {
    server = fastify();
    await server.register(cookie);
    for (const [path, url] of [
      ['/secure', 'https://id.example.com'],
      ['/plain', 'http://127.0.0.1:8080'],
    ] as const) {
      const session = new SessionCookie(url);
      server.get(path, (request, reply) => reply.send({ value: session.read(request) ?? null }));
      server.post(path, (request, reply) => {
        session.give(reply, 'segue_ss_x', '2026-11-20T12:00:10.900Z', isEmbedded(request), now);
        reply.send();
      });
      server.delete(path, (request, reply) => {
        session.take(reply, isEmbedded(request));
        reply.send();
      });
    }
  });
  afterAll(() => server.close());

  const setCookie = async (method: 'POST' | 'DELETE', url: string) => {
    const response = await server.inject({ method, url });
    return String(response.headers['set-cookie']).split('; ').sort();
  };

  it('is __Host- and Secure under https', async () => {
    expect(await setCookie('POST', '/secure')).toEqual(
      ['__Host-segue=segue_ss_x', 'HttpOnly', 'Max-Age=10', 'Path=/', 'SameSite=Lax', 'Secure'].sort(),
    );
  });

  it('has a plain name under http', async () => {
    expect(await setCookie('POST', '/plain')).toEqual(
      ['segue=segue_ss_x', 'HttpOnly', 'Max-Age=10', 'Path=/', 'SameSite=Lax'].sort(),
    );
  });

  it('is taken back with the attributes it was given with', async () => {
    expect(await setCookie('DELETE', '/secure')).toEqual(
      ['__Host-segue=', 'HttpOnly', 'Max-Age=0', 'Path=/', 'SameSite=Lax', 'Secure'].sort(),
    );
  });

  it.each([
    ['/secure?embedded', '__Host-segue'],
    ['/plain?embedded', 'segue'],
  ])('goes into the frames of others where its client may be embedded: %s', async (url, name) => {
    const everywhere = ['HttpOnly', 'Partitioned', 'Path=/', 'SameSite=None', 'Secure'];
    expect(await setCookie('POST', url)).toEqual([`${name}=segue_ss_x`, 'Max-Age=10', ...everywhere].sort());
    expect(await setCookie('DELETE', url)).toEqual([`${name}=`, 'Max-Age=0', ...everywhere].sort());
  });

  const read = async (header: string) =>
    (await server.inject({ url: '/secure', headers: { cookie: header } })).json<{ value: string | null }>().value;

  it('is read by its exact name', async () => {
    expect(await read('a=b; __Host-segue=one; segue=two')).toBe('one');
    expect(await read('segue=two; __host-segue=three; __Host-segue2=four')).toBeNull();
    expect(await read(`__Host-segue=${'x'.repeat(257)}`)).toBeNull();
    expect(await read('')).toBeNull();
  });
});
