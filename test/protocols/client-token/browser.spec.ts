import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { token } from '#contracts/token';
import { Admin } from '../../support/admin.js';
import { busOf } from '../../support/bus.js';
import { findChromium, launchChromium, noChromium, type RealBrowser } from '../../support/chromium.js';
import { eventually } from '../../support/eventually.js';
import { request } from '../../support/http.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const executable = findChromium();
if (!executable) process.stderr.write(`\nSKIPPED the SDK in a browser: ${noChromium}\n\n`);

const sdk = readFileSync(join(import.meta.dirname, '../../../browser/segue.js'));

(executable ? describe : describe.skip)('a page with the SDK', () => {
  let stack: Stack;
  let bus: Awaited<ReturnType<typeof busOf>>;
  let admin: Admin;
  let clientId: string;
  let key: { keyId: string; key: string };

  /** The partner: its pages, and the backend they ask for tokens. */
  let site: Server;
  let origin: string;
  let mint: () => Promise<string | null>;
  let minted: (string | null)[];

  let browser: RealBrowser;
  let page: Page;
  /** Every request of the page to the gateway and its answer, preflights aside. */
  let exchanges: { url: string; status: number; authorization: string | undefined }[];

  beforeAll(async () => {
    site = createServer(async (incoming, response) => {
      switch (incoming.url) {
        case '/segue.js':
          return response.writeHead(200, { 'content-type': 'text/javascript' }).end(sdk);
        case '/token':
          minted.push(await mint());
          return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(minted.at(-1)));
        case '/echo':
          return response.writeHead(200).end(incoming.headers.cookie ?? 'no cookie');
        default:
          return response
            .writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'session=secret' })
            .end('<!doctype html><html lang="en"><title>Partner</title><h1>Partner</h1>');
      }
    });
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
    origin = `http://localhost:${(site.address() as AddressInfo).port}`;

    stack = await startStack();
    bus = await busOf(stack);
    admin = new Admin(stack);
    const settings = { origins: [origin], features: { shortLivedToken: true } };
    clientId = (await admin.post('clients', { name: 'Partner', settings })).clientId;
  }, startMs);
  afterAll(async () => {
    site?.closeAllConnections();
    site?.close();
    await bus?.close();
    await stack?.stop();
  });

  beforeEach(async () => {
    key = await admin.post(`clients/${clientId}/api-keys`, {
      name: 'backend',
      kind: 'private',
      scopes: ['tokens.issue'],
    });
    mint = () => askForToken('user-42');
    minted = [];
    exchanges = [];
    browser = await launchChromium(executable ?? '');
    page = await browser.context.newPage();
    page.on('response', async (response) => {
      const sent = response.request();
      if (!sent.url().startsWith(stack.url) || sent.method() === 'OPTIONS') return;
      exchanges.push({ url: sent.url(), status: response.status(), authorization: sent.headers()['authorization'] });
    });
    await page.goto(`${origin}/app`);
    await prepare();
  }, startMs);
  afterEach(() => browser?.close());

  /** What the page's own script does: everything below is evaluated as such a script. */
  const prepare = (now = 'Date.now') =>
    page.evaluate(`(async () => {
      const { createClient } = await import('/segue.js');
      globalThis.segue = createClient({ endpoint: '${stack.url}', now: ${now} });
      globalThis.refreshToken = () => fetch('/token', { method: 'POST' }).then((answer) => answer.json());
      segue.registerRefreshToken(refreshToken);
      globalThis.tell = (sent) => sent.then(
        async (answer) => ({ status: answer.status, body: await answer.json() }),
        ({ name, code }) => ({ name, code }),
      );
    })()`);
  const evaluate = (script: string): Promise<unknown> => page.evaluate(script);
  const whoAmI = () => evaluate(`tell(segue.fetch('/v1/client'))`);

  /** What a partner's backend does. */
  async function askForToken(extId: string): Promise<string> {
    const answer = await request(`${stack.url}/api/clients/jwt/token?expiryMins=1&extId=${extId}`, {
      headers: { apikey: key.key },
    });
    expect(answer.status).toBe(200);
    return answer.json().token;
  }

  /** A token of the same kind, with a life that the public route does not offer. */
  async function tokenFor(ttlSeconds: number): Promise<string> {
    const attempt = { address: 'spec', support: '0123456789' };
    const { keyId, epoch } = await bus.bus.ask(token.authenticate, { key: key.key, attempt });
    const subject = `key_${keyId}`;
    const signed = await bus.bus.ask(token.sign, {
      kind: 'sdk',
      clientId,
      subject,
      externalId: 'user-42',
      epoch,
      scopes: [],
      jti: randomUUID(),
      ttlSeconds,
    });
    return signed.token;
  }

  const welcome = () => ({ status: 200, body: expect.objectContaining({ clientId, extId: 'user-42' }) });

  it('calls the gateway with a token of its backend, one for all requests', async () => {
    const answers = await evaluate(`Promise.all([1, 2, 3, 4, 5].map(() => tell(segue.fetch('/v1/client'))))`);
    expect(answers).toEqual(Array.from({ length: 5 }, welcome));
    expect(minted.length).toBe(1);
    expect(exchanges).toEqual(
      Array(5).fill({ url: `${stack.url}/v1/client`, status: 200, authorization: `Bearer ${minted[0]}` }),
    );
  }, 30_000);

  it('leaves nothing of the token behind', async () => {
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    await whoAmI();
    const left = await evaluate(`(async () => JSON.stringify([
      { ...localStorage }, { ...sessionStorage }, document.cookie, location.href,
      await indexedDB.databases(), await caches.keys().catch(() => []),
    ]))()`);
    expect(left).toBe(JSON.stringify([{}, {}, 'session=secret', `${origin}/app`, [], []]));
    expect([complaints, minted.length]).toEqual([[], 1]);
  }, 30_000);

  it('leaves its cookies at home', async () => {
    const script = (init: string) => `import('/segue.js').then(async ({ createClient }) => {
      const client = createClient({ endpoint: location.origin });
      client.registerRefreshToken(refreshToken);
      return (await client.fetch('/echo', ${init})).text();
    })`;
    expect(await evaluate(script('{}'))).toBe('no cookie');
    expect(await evaluate(script(`{ credentials: 'include' }`))).toBe('session=secret');
  }, 30_000);

  it('replaces a token before it ends', async () => {
    mint = () => tokenFor(2);
    expect(await whoAmI()).toEqual(welcome());
    await page.waitForTimeout(2100);
    expect(await whoAmI()).toEqual(welcome());
    expect(exchanges.map(({ status }) => status)).toEqual([200, 200]);
    expect(minted.length).toBe(2);
  }, 30_000);

  it('survives a token that has ended for the gateway, but not for the clock of its device', async () => {
    await prepare('() => Date.now() - 60_000');
    // Ends with a whole second: of one second there may be next to nothing left.
    mint = () => tokenFor(2);
    expect(await whoAmI()).toEqual(welcome());
    await page.waitForTimeout(2100);
    mint = () => askForToken('user-42');
    const answers = await evaluate(`Promise.all([1, 2, 3].map(() => tell(segue.fetch('/v1/client'))))`);
    expect(answers).toEqual(Array.from({ length: 3 }, welcome));
    expect(exchanges.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 401, 401, 401]);
    expect(minted.length).toBe(2);
  }, 30_000);

  it('stops when its backend says null, and goes on when somebody signs in', async () => {
    mint = async () => null;
    expect(await whoAmI()).toEqual({ name: 'SegueError', code: 'no_token' });
    expect(await whoAmI()).toEqual({ name: 'SegueError', code: 'no_token' });
    expect([minted, exchanges]).toEqual([[null], []]);
    mint = () => askForToken('user-42');
    await evaluate('segue.registerRefreshToken(refreshToken)');
    expect(await whoAmI()).toEqual(welcome());
  }, 30_000);

  it('gives up on a backend that only has tokens of yesterday, and tells the page', async () => {
    const old = await tokenFor(1);
    await page.waitForTimeout(1100);
    mint = async () => old;
    expect(await whoAmI()).toEqual({ name: 'SegueError', code: 'refresh_failed' });
    expect(await whoAmI()).toEqual({ name: 'SegueError', code: 'refresh_failed' });
    expect([minted.length, exchanges]).toEqual([3, []]);
  }, 30_000);

  it('is refused as soon as its backend’s key is deleted, and does not ask for more', async () => {
    expect(await whoAmI()).toEqual(welcome());
    await admin.delete(`clients/${clientId}/api-keys/${key.keyId}`);
    await eventually(
      () => whoAmI() as Promise<{ status: number }>,
      ({ status }) => status === 401,
      5000,
    );
    expect(await whoAmI()).toEqual({ status: 401, body: expect.not.objectContaining({ code: 'token_expired' }) });
    expect(minted.length).toBe(1);
  }, 30_000);

  it('gets no word from the gateway at an origin that its client does not list', async () => {
    await page.goto(`${origin.replace('localhost', '127.0.0.1')}/app`);
    await prepare();
    expect(await whoAmI()).toEqual({ name: 'TypeError', code: undefined });
  }, 30_000);
});
