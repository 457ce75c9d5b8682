import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Client, createClient, type RefreshToken, SegueError } from '#browser/segue';

const minute = 60_000;
const start = Date.UTC(2026, 10, 20);

/** A clock that only waiting moves. */
let now: number;
let pauses: number[];
let chance: number;

/** A server that takes what a gateway would take. */
let server: Server;
let endpoint: string;
let received: { method: string; url: string; token: string; body: string; page: unknown }[];
/** Further tokens it calls expired, and what else it answers instead. */
let outdated: (token: string) => boolean;
let instead: Record<string, { status: number; headers?: Record<string, string>; body?: string }>;

let client: Client;

beforeEach(async () => {
  now = start;
  pauses = [];
  chance = 0.5;
  received = [];
  outdated = () => false;
  instead = {};
  server = createServer(async (request, response) => {
    const token = await note(request);
    const other = instead[request.url ?? ''];
    if (other) return response.writeHead(other.status, other.headers).end(other.body);
    if (!token) return response.writeHead(401).end('no token');
    if (endOf(token) > now && !outdated(token)) return response.writeHead(200).end('welcome');
    const told = JSON.stringify({ message: 'expired', code: 'token_expired' });
    return response.writeHead(401, { 'content-type': 'application/json' }).end(told);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = createClient({
    endpoint,
    now: () => now,
    random: () => chance,
    wait: async (ms) => {
      pauses.push(ms);
      now += ms;
    },
  });
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
});

async function note(request: IncomingMessage): Promise<string> {
  const token = (request.headers.authorization ?? '').replace('Bearer ', '');
  const { method = '', url = '' } = request;
  received.push({ method, url, token, body: await text(request), page: request.headers['x-page'] });
  return token;
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const endOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()).exp * 1000;

/** Looks like a token of the gateway; only its payload is read in a browser. */
function jwt(lifeMs: number, jti: string): string {
  const claims = { jti, ext: 'Zoë ÿ�', iat: now / 1000, exp: Math.floor((now + lifeMs) / 1000) };
  return `${part({ alg: 'EdDSA', kid: 'k1' })}.${part(claims)}.signature`;
}

/** A page's function that mints tokens, and how often it was called. */
function minting(lifeMs = 60 * minute): { calls: string[]; refreshToken: RefreshToken } {
  const calls: string[] = [];
  return {
    calls,
    refreshToken: async () => {
      calls.push(jwt(lifeMs, `token-${calls.length + 1}`));
      return calls.at(-1)!;
    },
  };
}

/** One answer after the other; the last one for ever. An error is thrown. */
function answering(...answers: (string | null | undefined | Error | (() => string))[]) {
  let calls = 0;
  const refreshToken = (async () => {
    const answer = answers[Math.min(calls, answers.length - 1)];
    calls += 1;
    if (answer instanceof Error) throw answer;
    return typeof answer === 'function' ? answer() : answer;
  }) as RefreshToken;
  return { refreshToken, calls: () => calls };
}

/** The error of a request that was not sent. */
async function refusal(sent: Promise<Response>): Promise<SegueError> {
  const error = await sent.then(
    ({ status }) => new Error(`answered ${status}`),
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(SegueError);
  return error;
}

const many = <Result>(count: number, each: () => Promise<Result>) => Promise.all(Array.from({ length: count }, each));

describe('a request', () => {
  it('carries the token in its header, and nothing of it in its address', async () => {
    const { calls, refreshToken } = minting();
    client.registerRefreshToken(refreshToken);
    const answer = await client.fetch('/v1/track?x=1', { method: 'POST', body: 'hello', headers: { 'x-page': '7' } });
    expect([answer.status, await answer.text()]).toEqual([200, 'welcome']);
    expect(received).toEqual([{ method: 'POST', url: '/v1/track?x=1', token: calls[0], body: 'hello', page: '7' }]);
  });

  it.each(['https://evil.example/v1/client', '//evil.example/v1/client', 'data:text/plain,hello'])(
    'goes nowhere but to the endpoint: %s',
    async (path) => {
      const { calls, refreshToken } = minting();
      client.registerRefreshToken(refreshToken);
      expect(await refusal(client.fetch(path))).toMatchObject({ code: 'foreign_url' });
      expect([calls, received]).toEqual([[], []]);
    },
  );

  it('follows no redirect', async () => {
    instead = { '/away': { status: 307, headers: { location: '/elsewhere' } } };
    client.registerRefreshToken(minting().refreshToken);
    await expect(client.fetch('/away')).rejects.toMatchObject({ name: 'TypeError' });
    expect(received.map(({ url }) => url)).toEqual(['/away']);
  });

  it('takes a token as text just as a promise of one', async () => {
    client.registerRefreshToken(() => jwt(minute, 'plain'));
    expect((await client.fetch('/')).status).toBe(200);
  });

  it('fails where nothing is registered', async () => {
    expect(await refusal(client.fetch('/'))).toMatchObject({ name: 'SegueError', code: 'no_token' });
    expect(received).toEqual([]);
  });

  it('passes on that the gateway is not there, and blames no token', async () => {
    const { calls, refreshToken } = minting();
    client.registerRefreshToken(refreshToken);
    await client.fetch('/');
    server.closeAllConnections();
    server.close();
    await expect(client.fetch('/')).rejects.toMatchObject({ name: 'TypeError' });
    expect(calls.length).toBe(1);
  });
});

describe('refreshToken is called', () => {
  it('once, however many requests wait', async () => {
    const { calls, refreshToken } = minting();
    client.registerRefreshToken(refreshToken);
    const answers = await many(50, () => client.fetch('/'));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(calls.length).toBe(1);
  });

  it('again shortly before its token ends, once', async () => {
    const { calls, refreshToken } = minting(60 * minute);
    client.registerRefreshToken(refreshToken);
    await client.fetch('/');
    now = start + 60 * minute - 30_001;
    await client.fetch('/');
    expect(calls.length).toBe(1);
    now += 1;
    await many(20, () => client.fetch('/'));
    expect(calls.length).toBe(2);
    expect(received.at(-1)!.token).toBe(calls[1]);
  });

  it('at nine tenths of a short life', async () => {
    const { calls, refreshToken } = minting(minute);
    client.registerRefreshToken(refreshToken);
    await client.fetch('/');
    now = start + 53_999;
    await client.fetch('/');
    expect(calls.length).toBe(1);
    now = start + 54_000;
    await client.fetch('/');
    expect(calls.length).toBe(2);
  });

  it('no more after null, until it is registered anew', async () => {
    const { refreshToken, calls } = answering(null, () => jwt(minute, 'late'));
    client.registerRefreshToken(refreshToken);
    const refused = await many(10, () => refusal(client.fetch('/')));
    expect(refused.map(({ code }) => code)).toEqual(Array(10).fill('no_token'));
    now += 365 * 24 * 60 * minute;
    expect(await refusal(client.fetch('/'))).toMatchObject({ code: 'no_token' });
    expect([calls(), pauses, received]).toEqual([1, [], []]);

    client.registerRefreshToken(refreshToken);
    expect((await client.fetch('/')).status).toBe(200);
    expect(calls()).toBe(2);
  });

  it('no more for a token that was there before null', async () => {
    const { refreshToken, calls } = answering(() => jwt(minute, 'one'), null);
    client.registerRefreshToken(refreshToken);
    await client.fetch('/');
    now += 55_000;
    // The first token would still be good for five seconds: whoever signed out has signed out.
    expect(await refusal(client.fetch('/'))).toMatchObject({ code: 'no_token' });
    expect(await refusal(client.fetch('/'))).toMatchObject({ code: 'no_token' });
    expect(calls()).toBe(2);
  });
});

describe('a token that the gateway calls expired', () => {
  it('is replaced, and the same request sent once more', async () => {
    const { calls, refreshToken } = minting();
    client.registerRefreshToken(refreshToken);
    await client.fetch('/');
    outdated = (token) => token === calls[0];
    const answer = await client.fetch('/order', { method: 'PUT', body: 'two' });
    expect(answer.status).toBe(200);
    expect(received.slice(1).map(({ method, url, token, body }) => [method, url, token, body])).toEqual([
      ['PUT', '/order', calls[0], 'two'],
      ['PUT', '/order', calls[1], 'two'],
    ]);
    // It had worked, so nothing failed.
    expect(pauses).toEqual([]);
  });

  it('is replaced once for all requests it was sent with', async () => {
    const { calls, refreshToken } = minting();
    client.registerRefreshToken(refreshToken);
    await client.fetch('/');
    outdated = (token) => token === calls[0];
    const answers = await many(50, () => client.fetch('/'));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(calls.length).toBe(2);
  });

  it('is not replaced twice for one request, nor for ever', async () => {
    const { calls, refreshToken } = minting();
    outdated = () => true;
    client.registerRefreshToken(refreshToken);
    const answer = await client.fetch('/');
    expect([answer.status, await answer.json()]).toEqual([401, { message: 'expired', code: 'token_expired' }]);
    expect([received.length, calls.length]).toEqual([2, 2]);
    // The device's clock may be slow: tokens that never work are failed calls, too.
    expect(await refusal(client.fetch('/'))).toMatchObject({ code: 'refresh_failed' });
    expect(await refusal(client.fetch('/'))).toMatchObject({ code: 'refresh_failed' });
    expect([received.length, calls.length, pauses.length]).toEqual([3, 3, 2]);
  });

  it('is a failed call when it comes back', async () => {
    const same = jwt(60 * minute, 'cached');
    const { refreshToken, calls } = answering(same);
    client.registerRefreshToken(refreshToken);
    await client.fetch('/');
    outdated = () => true;
    expect((await client.fetch('/')).status).toBe(401);
    expect((await client.fetch('/')).status).toBe(401);
    expect(await refusal(client.fetch('/'))).toMatchObject({ code: 'refresh_failed' });
    expect(calls()).toBe(4);
  });

  it('is not replaced for a body that is gone', async () => {
    const { calls, refreshToken } = minting();
    client.registerRefreshToken(refreshToken);
    await client.fetch('/');
    outdated = (token) => token === calls[0];
    const streamed = { method: 'POST', body: new Blob(['once']).stream(), duplex: 'half' } as RequestInit;
    expect((await client.fetch('/', streamed)).status).toBe(401);
    expect(received.slice(1).map(({ body }) => body)).toEqual(['once']);
    expect((await client.fetch('/')).status).toBe(200);
  });

  it.each([
    ['another code', 401, '{"message":"no","code":"key_refused"}'],
    ['no JSON', 401, '<h1>Unauthorized</h1>'],
    ['null', 401, 'null'],
    ['nothing', 401, ''],
    ['another status', 403, '{"code":"token_expired"}'],
  ])('is nothing else: %s', async (_, status, body) => {
    const { calls, refreshToken } = minting();
    client.registerRefreshToken(refreshToken);
    instead = { '/': { status, body } };
    const answer = await client.fetch('/');
    expect([answer.status, await answer.text()]).toEqual([status, body]);
    expect([received.length, calls.length]).toEqual([1, 1]);
  });
});

describe('a call that fails', () => {
  it.each([
    ['the least', 0, [500, 1000]],
    ['the most', 1, [1000, 2000]],
  ])('is repeated after a pause that grows, by chance: %s', async (_, luck, expected) => {
    chance = luck;
    const { refreshToken, calls } = answering(new Error('offline'), new Error('offline'), () => jwt(minute, 'third'));
    client.registerRefreshToken(refreshToken);
    const answers = await many(10, () => client.fetch('/'));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect([calls(), pauses]).toEqual([3, expected]);
  });

  it('is the last of three in a row: every request is told, and nothing is tried for a while', async () => {
    const cause = new Error('our backend is down');
    const { refreshToken, calls } = answering(cause, cause, cause, () => jwt(60 * minute, 'at last'));
    client.registerRefreshToken(refreshToken);
    const refused = await many(10, () => refusal(client.fetch('/')));
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['refresh_failed']));
    expect(refused[0]!.cause).toBe(cause);
    expect([calls(), pauses.length]).toEqual([3, 2]);

    now += 22_499;
    expect(await refusal(client.fetch('/'))).toMatchObject({ code: 'refresh_failed' });
    expect(calls()).toBe(3);
    now += 1;
    expect((await client.fetch('/')).status).toBe(200);
    expect([calls(), pauses.length]).toEqual([4, 2]);
  });

  it.each([
    ['a token that has expired', () => jwt(-1000, 'stale')],
    ['a token that ends now', () => jwt(0, 'now')],
    ['undefined, as a function without return', undefined],
    ['the empty string', ''],
    ['the whole answer of a backend', '{"token":"e30.e30.e30"}'],
    ['a JWT that never ends', `${part({})}.${part({ iat: 1 })}.signature`],
  ])('may have answered %s', async (_, answer) => {
    const { refreshToken, calls } = answering(answer);
    client.registerRefreshToken(refreshToken);
    const { code, cause } = await refusal(client.fetch('/'));
    expect([code, String(cause)]).toEqual([
      'refresh_failed',
      'Error: refreshToken answered no JWT that is still valid',
    ]);
    expect([calls(), received]).toEqual([3, []]);
  });

  it('may be followed by null', async () => {
    const { refreshToken, calls } = answering(new Error('offline'), null);
    client.registerRefreshToken(refreshToken);
    expect(await refusal(client.fetch('/'))).toMatchObject({ code: 'no_token' });
    expect(calls()).toBe(2);
  });

  it('counts no failures of long ago', async () => {
    const bad = new Error('offline');
    const good = () => jwt(minute, String(now));
    const { refreshToken, calls } = answering(bad, bad, good, bad, bad, good);
    client.registerRefreshToken(refreshToken);
    expect((await client.fetch('/')).status).toBe(200);
    now += minute;
    expect((await client.fetch('/')).status).toBe(200);
    expect([calls(), pauses]).toEqual([6, [750, 1500, 750, 1500]]);
  });
});

describe('who is registered anew', () => {
  /** A function whose answer is given by hand. */
  function waiting() {
    const { promise, resolve } = Promise.withResolvers<string | null>();
    return { refreshToken: () => promise, resolve };
  }

  it('is whom waiting requests speak for, whatever the one before answers later', async () => {
    const first = waiting();
    const second = minting();
    client.registerRefreshToken(first.refreshToken);
    const sent = many(10, () => client.fetch('/'));
    client.registerRefreshToken(second.refreshToken);
    first.resolve(jwt(60 * minute, 'of the one before'));
    expect((await sent).map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(new Set(received.map(({ token }) => token))).toEqual(new Set(second.calls));
    expect(second.calls.length).toBe(1);
  });

  it('has nothing to do with the null of the one before', async () => {
    const first = waiting();
    client.registerRefreshToken(first.refreshToken);
    const sent = client.fetch('/');
    client.registerRefreshToken(minting().refreshToken);
    first.resolve(null);
    expect((await sent).status).toBe(200);
  });

  it('ends the attempts of the one before', async () => {
    const next = minting();
    let calls = 0;
    client.registerRefreshToken(() => {
      calls += 1;
      client.registerRefreshToken(next.refreshToken);
      throw new Error('offline');
    });
    expect((await client.fetch('/')).status).toBe(200);
    expect([calls, next.calls.length, pauses]).toEqual([1, 1, []]);
  });

  it('ends the pauses of the one before', async () => {
    const next = minting();
    const { refreshToken, calls } = answering(new Error('offline'));
    const impatient = createClient({
      endpoint,
      now: () => now,
      wait: async () => impatient.registerRefreshToken(next.refreshToken),
    });
    impatient.registerRefreshToken(refreshToken);
    expect((await impatient.fetch('/')).status).toBe(200);
    expect([calls(), next.calls.length]).toEqual([1, 1]);
  });

  it('gets a token of its own', async () => {
    const [first, second] = [minting(), minting()];
    client.registerRefreshToken(first.refreshToken);
    await client.fetch('/');
    client.registerRefreshToken(second.refreshToken);
    await client.fetch('/');
    expect(received.map(({ token }) => token)).toEqual([first.calls[0], second.calls[0]]);
  });

  it('does not repeat what the one before began', async () => {
    const [first, second] = [minting(), minting()];
    client.registerRefreshToken(first.refreshToken);
    outdated = (token) => {
      client.registerRefreshToken(second.refreshToken);
      return token === first.calls[0];
    };
    expect((await client.fetch('/buy', { method: 'POST' })).status).toBe(401);
    expect([received.length, second.calls.length]).toEqual([1, 0]);
  });
});

describe('the module as it is shipped', () => {
  const shipped = (name: string) => readFileSync(join(import.meta.dirname, '../../../browser', name), 'utf8');
  const file = shipped('segue.js');

  it('has less than 5 kB', () => {
    expect(Buffer.byteLength(file)).toBeLessThan(5000);
  });

  it('imports nothing, stores nothing, logs nothing', () => {
    expect(file).not.toMatch(/\b(import|require|console|localStorage|sessionStorage|indexedDB|cookie|caches)\b/);
  });

  it('says its types, without anything of Node', () => {
    const types = shipped('segue.d.ts');
    expect(types).toContain('registerRefreshToken(refreshToken: RefreshToken): void;');
    expect(types).not.toMatch(/\b(import|reference|NodeJS)\b/);
  });

  it('keeps real time where none is given', async () => {
    const real = createClient({ endpoint });
    now = Date.now();
    const { refreshToken, calls } = answering(new Error('offline'), () => jwt(minute, 'second'));
    real.registerRefreshToken(refreshToken);
    expect((await real.fetch('/')).status).toBe(200);
    expect(calls()).toBe(2);
    expect(Date.now() - now).toBeGreaterThanOrEqual(499);
  });
});
