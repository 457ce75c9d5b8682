import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { KeyHolder, refresh, signIn } from '../../support/api-key.js';
import { eventually } from '../../support/eventually.js';
import { request } from '../../support/http.js';
import { raw } from '../../support/raw.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

let stack: Stack;
let admin: Admin;
let holder: KeyHolder;
let key: string;

const begin = async (): Promise<string> => (await signIn(stack.url, key)).json().refresh_token;
const trace = (headers: Record<string, string>, body?: object | string, path = '/v1/auth') =>
  request(`${stack.url}${path}`, { method: 'TRACE', headers, ...(body !== undefined && { body }) });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('TRACE /v1/auth', () => {
  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    holder = await KeyHolder.register(admin);
    ({ key } = await holder.newKey(['orders.read']));
  }, startMs);
  afterAll(() => stack?.stop());

  it.each<[string, (token: string) => ReturnType<typeof trace>]>([
    ['its header', (token) => trace(bearer(token))],
    ['a JSON body', (token) => trace({}, { refresh_token: token })],
  ])('re-authenticates by %s, and closes the connection', async (_name, ask) => {
    const token = await begin();
    const answer = await ask(token);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.headers['connection']).toBe('close');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(Object.keys(answer.json()).sort()).toEqual([
      'access_token',
      'expires_in',
      'refresh_expires_in',
      'refresh_token',
      'scope',
      'token_type',
    ]);
    expect((await refresh(stack.url, answer.json().refresh_token)).status).toBe(200);
  });

  it('answers what is wrong as the other verbs do', async () => {
    const sent: [Record<string, string>, object | undefined, number, string][] = [
      [{}, undefined, 400, 'invalid_request'],
      [{ cookie: `refresh_token=${await begin()}` }, undefined, 400, 'invalid_request'],
      [bearer('nonsense'), undefined, 401, 'invalid_grant'],
      [{}, { refresh_token: 'nonsense' }, 401, 'invalid_grant'],
      [{ 'content-type': 'text/plain' }, { refresh_token: await begin() }, 415, 'invalid_request'],
    ];
    for (const [headers, body, status, error] of sent) {
      const answer = await trace(headers, body);
      expect([answer.status, answer.json().error, answer.headers['connection']]).toEqual([status, error, 'close']);
    }
  });

  it('never repeats a byte of what was sent', async () => {
    const canary = () => randomUUID().replaceAll('-', '');
    for (const path of ['/v1/auth', '/v1/session', '/v1/client', '/api/link', '/nothing'])
      for (const token of [await begin(), canary()]) {
        const secrets = [canary(), canary(), canary(), canary()] as const;
        const [cookie, field, parent, member] = secrets;
        const headers = {
          cookie: `name=${cookie}`,
          'x-field': field,
          traceparent: `00-${parent}-${parent.slice(0, 16)}-01`,
          origin: `https://${field}.example`,
        };
        const sent = await trace({ ...headers, ...bearer(token) }, { member }, path);
        const told = JSON.stringify(sent.headers) + sent.text;
        for (const secret of [...secrets, token]) expect(told).not.toContain(secret);
        expect(sent.headers['content-type']).not.toContain('message/http');
      }
  });

  const lines = (...all: string[]) => `${all.join('\r\n')}\r\n\r\n`;
  const host = () => `Host: ${new URL(stack.url).host}`;

  it('refuses a body whose end is not certain', async () => {
    const token = await begin();
    const body = JSON.stringify({ refresh_token: token });
    const chunked = await raw(
      stack.url,
      lines('TRACE /v1/auth HTTP/1.1', host(), 'Content-Type: application/json', 'Transfer-Encoding: chunked') +
        `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 400 /);
    const both = await raw(
      stack.url,
      lines('TRACE /v1/auth HTTP/1.1', host(), `Content-Length: ${body.length}`, 'Transfer-Encoding: chunked') + body,
    );
    expect(both).toMatch(/^HTTP\/1\.1 400 /);
    const long = JSON.stringify({ refresh_token: token, more: 'x'.repeat(8_192) });
    const tooLong = await trace({}, long, '/v1/auth');
    expect([tooLong.status, tooLong.headers['connection']]).toEqual([413, 'close']);
    expect((await refresh(stack.url, token)).status).toBe(200);
  });

  it('is the last request of its connection: what comes behind it is neither answered nor done', async () => {
    const other = await KeyHolder.register(admin);
    const hidden = (await other.newKey([])).key;
    const smuggled = lines('POST /v1/auth HTTP/1.1', host(), `X-Api-Key: ${hidden}`, 'Content-Length: 0');
    const pipelined = await raw(
      stack.url,
      lines('TRACE /v1/auth HTTP/1.1', host(), `Authorization: Bearer ${await begin()}`) + smuggled,
    );
    expect(pipelined.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
    const swallowed = await raw(
      stack.url,
      lines(
        'TRACE /v1/auth HTTP/1.1',
        host(),
        `Authorization: Bearer ${await begin()}`,
        'Content-Type: application/json',
        `Content-Length: ${smuggled.length}`,
      ) + smuggled,
    );
    expect(swallowed.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);

    expect((await signIn(stack.url, hidden)).status).toBe(200);
    await admin.audit({ clientId: other.clientId, type: 'session.opened' });
    await sleep(500);
    expect(await admin.audit({ clientId: other.clientId, type: 'session.opened' })).toHaveLength(1);
  });

  it('anywhere else is refused, and told what there is', async () => {
    const elsewhere: [string, string][] = [
      ['/v1/auth/refresh', 'POST'],
      ['/v1/client', 'GET, HEAD'],
      ['/api/clients/jwt/token', 'GET, HEAD'],
      ['/api/link', 'GET, HEAD, POST'],
      ['/v1/session', 'DELETE, GET, HEAD'],
      ['/.well-known/jwks.json', 'GET, HEAD'],
    ];
    for (const [path, allow] of elsewhere) {
      const answer = await trace(bearer(await begin()), undefined, path);
      expect([path, answer.status, answer.headers['allow']]).toEqual([path, 405, allow]);
      expect(answer.headers['connection']).toBe('close');
    }
    for (const path of ['/v1/auth/', '/V1/auth', '//v1/auth', '/v1/auth;x'])
      expect([path, (await trace(bearer(await begin()), undefined, path)).status]).toEqual([path, 404]);
    expect((await trace(bearer(await begin()), undefined, '/v1/%61uth')).status).toBe(405);
  });

  it('is no more than an override header can ask for', async () => {
    const token = await begin();
    const answer = await request(`${stack.url}/v1/auth`, {
      method: 'DELETE',
      headers: { 'x-http-method-override': 'TRACE', 'x-http-method': 'TRACE', ...bearer(token) },
    });
    expect(answer.status).toBe(405);
    expect((await refresh(stack.url, token)).status).toBe(200);
  });

  it('is refused where the client has it switched off, and spends nothing', async () => {
    const owner = await KeyHolder.register(admin, { features: { trace: false } });
    const { refresh_token } = (await signIn(stack.url, (await owner.newKey([])).key)).json();
    for (const answer of [await trace(bearer(refresh_token)), await trace({}, { refresh_token })]) {
      expect([answer.status, answer.json().error]).toEqual([405, 'invalid_request']);
      expect(answer.headers['allow']).toBe('GET, HEAD, POST');
      expect(answer.headers['connection']).toBe('close');
    }
    const successor = (await refresh(stack.url, refresh_token)).json().refresh_token;
    await owner.set({ features: { trace: true } });
    await eventually(
      async () => (await trace(bearer(successor))).status,
      (status) => status === 200,
    );
  });
});

describe('TRACE /v1/auth where TRACE_ENABLED is false', () => {
  beforeAll(async () => {
    stack = await startStack({ env: { TRACE_ENABLED: 'false' } });
    holder = await KeyHolder.register(new Admin(stack));
    ({ key } = await holder.newKey([]));
  }, startMs);
  afterAll(async () => {
    delete process.env['TRACE_ENABLED'];
    await stack?.stop();
  });

  it('is refused and named nowhere', async () => {
    const token = await begin();
    for (const answer of [await trace(bearer(token)), await trace({}, { refresh_token: token })]) {
      expect([answer.status, answer.headers['allow'], answer.headers['connection']]).toEqual([
        405,
        'GET, HEAD, POST',
        'close',
      ]);
      expect(answer.json()).toEqual({ error: 'invalid_request', message: 'Method Not Allowed.' });
    }
    expect((await refresh(stack.url, token)).status).toBe(200);
  });
});
