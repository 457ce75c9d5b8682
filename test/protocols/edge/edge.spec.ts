import { METHODS } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { type Answer, request, type Sent } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { raw } from '../../support/raw.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const nobody = 'nobody00';
const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe('the edge', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  /** Each path with the methods its routes have. */
  let routes: [path: string, methods: string[]][];

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'admin=1000000/1m,link=1000000/1m' } });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
    const { paths } = (await request(`${stack.url}/openapi.json`)).json();
    const documented = Object.entries<object>(paths).map(([path, operations]): [string, string[]] => [
      path.replace('{clientId}', nobody).replaceAll(/\{\w+\}/g, '0198c0de-0000-7000-8000-000000000000'),
      Object.keys(operations).map((method) => method.toUpperCase()),
    ]);
    const pages: [string, string[]][] = ['/', '/demo', '/docs', '/openapi.json'].map((path) => [path, ['GET']]);
    routes = [...documented, ...pages, ['/demo/sign-out', ['POST']]];
  }, startMs);
  afterAll(() => stack?.stop());

  const send = (path: string, sent?: Sent) => request(`${stack.url}${path}`, sent);

  const expectManners = ({ status, headers }: Answer) => {
    expect(status).toBeLessThan(500);
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(headers['cache-control']).toMatch(/^(no-store|public, max-age=300)$/);
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('server');
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  };

  it('has routes to sweep', () => {
    expect(routes.length).toBeGreaterThan(18);
  });

  it('answers every method of every route, the ones it has not with 405 and Allow', async () => {
    for (const [path, methods] of routes) {
      for (const method of METHODS.filter((each) => each !== 'CONNECT')) {
        const answer = await send(path, { method });
        expectManners(answer);
        const has = methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
        if (has) {
          expect([path, method, answer.status]).not.toEqual([path, method, 405]);
        } else {
          expect([path, method, answer.status]).toEqual([path, method, 405]);
          const allow = answer.headers['allow']!.split(', ');
          expect(allow.sort()).toEqual([...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].sort());
          // In the words of its protocol: one has a code of its own, one the status, some none.
          const { code } = answer.text === '' ? {} : answer.json();
          expect(['method_not_allowed', 405, undefined]).toContain(code);
        }
      }
    }
  });

  it('says the same of itself whatever comes out', async () => {
    const answers = await Promise.all([
      send(new URL(partner.link()).pathname + new URL(partner.link()).search),
      send('/api/link'),
      send('/api/link', { headers: { accept: 'text/html' } }),
      send('/api/link', { method: 'HEAD' }),
      send('/api/link', { headers: { 'sec-purpose': 'prefetch' } }),
      send('/api/link?clientId=a&clientId=b'),
      send('/nowhere'),
      send('/nowhere', { headers: { accept: 'text/html' } }),
      send('/v1/session'),
      send('/login'),
      send('/demo'),
      admin.send('GET', 'clients'),
      admin.send('POST', 'clients', { body: '{', headers: { 'content-type': 'application/json' } }),
    ]);
    for (const answer of answers) expectManners(answer);
  });

  it('shows people a plain page where programs get a problem', async () => {
    const page = await send('/nowhere', { headers: { accept: 'text/html' } });
    expect([page.status, page.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    expect(page.text).toMatch(/<html lang="en">.*<main>.*There is nothing at this address/s);
    expect(page.text).not.toMatch(/<script/);
    const problem = await send('/nowhere');
    expect(problem.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(problem.json()).toEqual({
      type: 'urn:segue:fault:route_missing',
      title: 'There is nothing at this address.',
      status: 404,
      code: 'route_missing',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  it('carries a trace on, or begins one', async () => {
    const trace = 'a'.repeat(32);
    const carried = await send('/nowhere', { headers: { traceparent: `00-${trace}-${'b'.repeat(16)}-01` } });
    expect([carried.json().traceId, carried.headers['traceparent']]).toEqual([trace, expect.stringContaining(trace)]);
    for (const traceparent of ['nonsense', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, '']) {
      expect((await send('/nowhere', { headers: { traceparent } })).json().traceId).not.toMatch(/^0+$|nonsense/);
    }
  });

  describe('takes each parameter once', () => {
    it.each([
      'userToken=a&userToken=b&clientId=x',
      'userToken=a&clientId=x&clientId=y',
      'userToken=a&clientId=x&callbackPath=/a&callbackPath=/b',
      'userToken=a&client%49d=x&clientId=y',
      'userToken[]=a&clientId=x',
      'userToken=a&clientId[$ne]=x',
      'userToken=a&clientId%5B%24ne%5D=x',
      'userToken[a]=b&clientId=x',
      'userToken.a=b&clientId=x',
      'userToken=a&clientId=x&any=1&any=2',
      '__proto__[x]=1&userToken=a&clientId=x',
    ])('%s', async (query) => {
      const answer = await send(`/api/link?${query}`);
      expect([answer.status, answer.json().code]).toEqual([400, 'request_invalid']);
    });

    it('and ignores what it does not know in a partner’s protocol', async () => {
      const link = new URL(partner.link({}, { utm_source: 'mail', constructor: 'x', __proto__: 'y' }));
      expect((await send(link.pathname + link.search)).status).toBe(303);
    });
  });

  describe('reads a body only as it is documented', () => {
    const json = { 'content-type': 'application/json' };
    const deep = (times: number) => `${'['.repeat(times)}${']'.repeat(times)}`;
    it.each<[string, number, Sent]>([
      ['no body', 400, {}],
      ['an empty body', 400, { headers: json, body: '' }],
      ['half a body', 400, { headers: json, body: '{"name":' }],
      ['a body twice', 400, { headers: json, body: '{"name":"a"}{"name":"b"}' }],
      ['another type', 400, { headers: json, body: '"name"' }],
      ['null', 400, { headers: json, body: 'null' }],
      ['a number of its own', 400, { headers: json, body: '{"name":1e999}' }],
      ['a prototype', 400, { headers: json, body: '{"name":"a","__proto__":{"x":1}}' }],
      ['a constructor', 400, { headers: json, body: '{"name":"a","constructor":{"prototype":{"x":1}}}' }],
      ['great depth', 400, { headers: json, body: deep(8000) }],
      ['bytes that are no text', 400, { headers: json, body: Buffer.from('{"name":"\xff\xfe"}', 'latin1') }],
      ['a byte order mark and rubbish', 400, { headers: json, body: '\ufeff{' }],
      ['more than 16 KiB', 413, { headers: json, body: JSON.stringify({ name: 'x'.repeat(17_000) }) }],
      ['a form', 415, { headers: form, body: 'name=a' }],
      ['plain text', 415, { headers: { 'content-type': 'text/plain' }, body: '{"name":"a"}' }],
      ['XML', 415, { headers: { 'content-type': 'application/xml' }, body: '<name/>' }],
      ['JSON of some kind', 415, { headers: { 'content-type': 'application/jsonx' }, body: '{"name":"a"}' }],
      ['a body without a type', 415, { body: '{"name":"a"}' }],
    ])('%s', async (_name, status, sent) => {
      const answer = await admin.send('POST', 'clients', sent);
      expect(answer.status).toBe(status);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.text).not.toMatch(/node_modules|\bat \w|SyntaxError|Unexpected|fastify|zod/i);
    });

    it('takes JSON with a charset, and an empty body where none is due', async () => {
      const named = { headers: { 'content-type': 'application/json; charset=utf-8' }, body: '{"name":"Ünïcode ✓"}' };
      const made = await admin.send('POST', 'clients', named);
      expect([made.status, made.json().name]).toEqual([201, 'Ünïcode ✓']);
      const { clientId } = made.json();
      expect((await admin.send('POST', `clients/${clientId}/link-secrets`, { headers: json, body: '' })).status).toBe(
        201,
      );
      expect(
        (
          await admin.send('DELETE', `clients/${clientId}/users/${crypto.randomUUID()}/sessions`, {
            headers: json,
            body: '',
          })
        ).status,
      ).toBe(204);
    });
  });

  describe('refuses what is no clean HTTP', () => {
    const host = () => new URL(stack.url).host;
    const head = (answer: string) => answer.split('\r\n\r\n')[0]!.toLowerCase();

    it.each<[string, (host: string) => string, number]>([
      ['two hosts', (it) => `GET /login HTTP/1.1\r\nHost: ${it}\r\nHost: ${it}\r\nConnection: close\r\n\r\n`, 400],
      ['no host', () => 'GET /login HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
      [
        'a target of another host',
        (it) => `GET http://evil.example/login HTTP/1.1\r\nHost: ${it}\r\nConnection: close\r\n\r\n`,
        400,
      ],
      [
        'length and chunks',
        (it) =>
          `POST /login HTTP/1.1\r\nHost: ${it}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        400,
      ],
      [
        'two lengths',
        (it) => `POST /login HTTP/1.1\r\nHost: ${it}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
        400,
      ],
      ['a space before the colon', (it) => `GET /login HTTP/1.1\r\nHost: ${it}\r\nX : y\r\n\r\n`, 400],
      ['a folded line', (it) => `GET /login HTTP/1.1\r\nHost: ${it}\r\nX: a\r\n b\r\nConnection: close\r\n\r\n`, 400],
      ['rubbish', () => 'hello\r\n\r\n', 400],
      ['headers of 17 KiB', (it) => `GET /login HTTP/1.1\r\nHost: ${it}\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
      ['a target of 17 KiB', (it) => `GET /login?${'x'.repeat(17_000)} HTTP/1.1\r\nHost: ${it}\r\n\r\n`, 431],
      ['a broken escape', (it) => `GET /%zz HTTP/1.1\r\nHost: ${it}\r\nConnection: close\r\n\r\n`, 400],
      [
        'an endless segment',
        (it) => `GET /v1/admin/clients/${'x'.repeat(600)} HTTP/1.1\r\nHost: ${it}\r\nConnection: close\r\n\r\n`,
        414,
      ],
    ])('%s', async (_name, bytes, status) => {
      const answer = await raw(stack.url, bytes(host()));
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(head(answer)).toContain('cache-control: no-store');
      expect(head(answer)).toContain('x-content-type-options: nosniff');
      expect(answer).not.toMatch(/HPE_|FST_|node_modules/);
    });

    it('takes an absolute target that names itself', async () => {
      const answer = await raw(
        stack.url,
        `GET http://${host()}/login HTTP/1.1\r\nHost: ${host()}\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1.1 200 /);
    });

    it('a request that takes longer than ten seconds to arrive', async () => {
      const began = Date.now();
      const answer = await raw(stack.url, `GET /login HTTP/1.1\r\nHost: ${host()}\r\nX-Slow: `, 14_000);
      expect(answer).toMatch(/^HTTP\/1.1 408 /);
      expect(Date.now() - began).toBeGreaterThan(9_000);
    }, 20_000);
  });

  it('describes all it documents, under its public address', async () => {
    const document = (await send('/openapi.json')).json();
    expect(document.servers).toEqual([{ url: stack.url }]);
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/api/link', '/v1/session', '/v1/admin/clients']),
    );
    for (const asset of ['/docs', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui-init.js']) {
      expect((await send(asset)).status).toBe(200);
    }
  });
});
