import cookie from '@fastify/cookie';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FastifyInstance, fastify } from 'fastify';
import { Issuer } from '../guards/issuer.js';
import { SessionCookies } from './session-cookies.js';

const project = 'myproject1';
const name = `a_session_${project}`;
const end = '2027-11-20T12:00:00.000Z';

describe('the cookies of a session', () => {
  let server: FastifyInstance;

  beforeAll(async () => {
    server = fastify();
    await server.register(cookie);
    for (const [path, url] of [
      ['/secure', 'https://id.example.com'],
      ['/plain', 'http://127.0.0.1:8080'],
    ] as const) {
      const cookies = new SessionCookies(new Issuer(url));
      server.get(path, (request, reply) => reply.send(cookies.read(request, project)));
      server.post(path, (request, reply) => {
        cookies.give(request, reply, project, 'a+/=', end);
        reply.send();
      });
      server.delete(path, (request, reply) => {
        cookies.take(request, reply, project);
        reply.send();
      });
    }
  });
  afterAll(() => server.close());

  const ask = async (method: 'POST' | 'DELETE', url: string, headers: Record<string, string> = {}) => {
    const answer = await server.inject({ method, url, headers });
    const given = [answer.headers['set-cookie'] ?? []].flat().map((each) => each.split('; ').sort().join('; '));
    return { given, fallback: answer.headers['x-fallback-cookies'] };
  };
  const sorted = (...parts: string[]) => parts.sort().join('; ');
  const everywhere = ['HttpOnly', 'Path=/', `Expires=${new Date(end).toUTCString()}`];

  it('go with requests of other sites under https, and to old browsers without SameSite', async () => {
    expect((await ask('POST', '/secure')).given).toEqual([
      sorted(`${name}=a+/=`, 'SameSite=None', 'Secure', ...everywhere),
      sorted(`${name}_legacy=a+/=`, 'Secure', ...everywhere),
    ]);
    expect((await ask('POST', '/plain')).given).toEqual([
      sorted(`${name}=a+/=`, 'SameSite=Lax', ...everywhere),
      sorted(`${name}_legacy=a+/=`, ...everywhere),
    ]);
  });

  it('have one more name for programs of the other branch', async () => {
    const { given } = await ask('POST', '/secure', { 'x-nuvix-project': project });
    expect(given).toHaveLength(3);
    expect(given[2]).toContain('nx_session=');
  });

  it('are taken back under every name', async () => {
    const { given } = await ask('DELETE', '/secure', { 'x-nuvix-project': project });
    expect(given).toHaveLength(3);
    for (const each of given) expect(each).toContain('Expires=Thu, 01 Jan 1970 00:00:00 GMT');
  });

  it.each([
    ['to no program outside a browser', {}, false],
    ['to no page of the same site', { origin: 'https://app.example.com', 'sec-fetch-site': 'same-site' }, false],
    ['to a page of another site', { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }, true],
    ['to a page of who knows what site', { origin: 'https://app.example' }, true],
  ])('are told %s as a fallback: %j', async (_, headers, told) => {
    const given = (await ask('POST', '/secure', headers)).fallback;
    expect(given).toBe(told ? JSON.stringify({ [name]: 'a+/=' }) : undefined);
    expect((await ask('DELETE', '/secure', headers)).fallback).toBe(told ? '{}' : undefined);
  });

  it('are read where they are, whatever else is there', async () => {
    const read = async (headers: Record<string, string>) =>
      (await server.inject({ url: '/secure', headers })).json<(string | null)[]>().filter((each) => each !== null);
    const fallback = (value: unknown) => ({ 'x-fallback-cookies': JSON.stringify(value) });
    expect(await read({ cookie: `${name}_legacy=two; a_session_other=no; nx_session=three; ${name}=one` })).toEqual([
      'one',
      'two',
      'three',
    ]);
    expect(await read(fallback({ [name]: 'four', other: 'no' }))).toEqual(['four']);
    for (const nonsense of [null, [], 'x', 7, { [name]: 7 }, { [name]: { x: 1 } }])
      expect(await read(fallback(nonsense))).toEqual([]);
    expect(await read({ 'x-fallback-cookies': '{' })).toEqual([]);
  });
});
