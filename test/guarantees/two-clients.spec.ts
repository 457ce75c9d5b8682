import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { Browser } from '../support/browser.js';
import { rowsOf } from '../support/database.js';
import { type Answer, request } from '../support/http.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

/** A client with everything it can have. */
interface Side {
  readonly partner: Partner;
  readonly origin: string;
  readonly browser: Browser;
  readonly userId: string;
  readonly handle: string;
  readonly sessionId: string;
  readonly pair: { accessToken: string; refreshToken: string };
  readonly code: string;
  readonly apiKey: { keyId: string; key: string };
  readonly secretId: string;
}

const kept = [
  'identity.users',
  'identity.emails',
  'identity.erased',
  'session.sessions',
  'session.epochs',
  'token.clients',
  'token.api_keys',
];

describe('two clients', () => {
  let stack: Stack;
  let admin: Admin;
  let mine: Side;
  let theirs: Side;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'claim=1000/1m,anonymous=1000/1m' } });
    admin = new Admin(stack);
    [mine, theirs] = [await side('https://mine.example.com'), await side('https://theirs.example.com')];
  }, startMs);
  afterAll(() => stack?.stop());

  const send = (path: string, body: object, headers: Record<string, string> = {}) =>
    request(`${stack.url}${path}`, { method: 'POST', body, headers });
  const whoIs = async (visitor: Browser) => (await visitor.open('/v1/session', { headers: { accept: '*/*' } })).json();

  async function side(origin: string): Promise<Side> {
    const partner = await Partner.register(admin, { landingUrl: `${origin}/start`, origins: [origin] });
    const land = async (browser: Browser, link: string) =>
      new URL((await browser.open(link)).headers['location']!).searchParams.get('code')!;
    const browser = new Browser(stack.url);
    // The same names and addresses on both sides.
    const code = await land(browser, partner.link({ userId: 'same', email: 'same@example.com' }));
    const pair = (await send('/v1/session/claim', { code }, { origin })).json();
    const { user, session } = await whoIs(browser);
    const { items } = await admin.get(`clients/${partner.clientId}/link-secrets`);
    return {
      ...{ partner, origin, browser, pair },
      userId: user.userId,
      sessionId: session.sessionId,
      handle: (await send('/v1/anonymous', { clientId: partner.clientId })).json().anonymousAccountId,
      code: await land(new Browser(stack.url), partner.link({ userId: 'same' })),
      apiKey: await admin.post(`clients/${partner.clientId}/api-keys`, {
        name: 'k',
        kind: 'private',
        scopes: ['sessions.write'],
      }),
      secretId: items[0].secretId,
    };
  }

  const refused = (answer: Answer, ...statuses: number[]) => expect(statuses).toContain(answer.status);

  it('have users of their own, with the same names and addresses', async () => {
    expect(mine.userId).not.toBe(theirs.userId);
    for (const { partner, userId } of [mine, theirs])
      expect(await admin.get(`clients/${partner.clientId}/users/${userId}`)).toMatchObject({
        externalId: 'same',
        email: 'same@example.com',
      });
  });

  it('never reach what the other has, and never touch it', async () => {
    const theirClient = theirs.partner.clientId;
    const before = await rowsOf(stack, kept);
    const path = `clients/${mine.partner.clientId}`;

    // The other's users, sessions, keys and secrets under my own name
    for (const [method, at, body] of [
      ['GET', `users/${theirs.userId}`],
      ['PATCH', `users/${theirs.userId}`, { username: 'Mallory' }],
      ['POST', `users/${theirs.userId}/suspend`],
      ['POST', `users/${theirs.userId}/restore`],
      ['DELETE', `users/${theirs.userId}`],
      ['DELETE', `link-secrets/${theirs.secretId}`],
      ['DELETE', `api-keys/${theirs.apiKey.keyId}`],
      ['POST', `api-keys/${theirs.apiKey.keyId}/rotate`],
    ] as const)
      refused(await admin.send(method, `${path}/${at}`, body ? { body } : {}), 404);
    expect((await admin.get(`${path}/users/${theirs.userId}/sessions`)).items).toEqual([]);
    refused(await admin.send('DELETE', `${path}/users/${theirs.userId}/sessions`), 204);
    refused(await admin.send('DELETE', `${path}/users/${theirs.userId}/sessions/${theirs.sessionId}`), 204);

    // The other's tokens and codes from my page, and with my key
    const myKey = { authorization: `Bearer ${mine.apiKey.key}` };
    refused(await send('/v1/session/claim', { code: theirs.code }, { origin: mine.origin }), 401);
    refused(await send('/v1/session/claim', { code: theirs.code }, myKey), 401);
    const renamed = theirs.code.replace(theirClient, mine.partner.clientId);
    refused(await send('/v1/session/claim', { code: renamed }, { origin: mine.origin }), 401);
    refused(await send('/v1/session/claim', { code: renamed }, myKey), 401);
    const { refreshToken, accessToken } = theirs.pair;
    refused(await send('/v1/session/refresh', { refreshToken }, { origin: mine.origin }), 403);
    refused(
      await send('/v1/session/refresh', { refreshToken: refreshToken.replace(theirClient, mine.partner.clientId) }),
      401,
    );
    const bearer = { authorization: `Bearer ${accessToken}`, origin: mine.origin };
    refused(await request(`${stack.url}/v1/session`, { headers: bearer }), 403);
    refused(await request(`${stack.url}/v1/session`, { method: 'DELETE', headers: bearer }), 403);
    const cookie = theirs.browser.cookie.replace(theirClient, mine.partner.clientId);
    refused(await request(`${stack.url}/v1/session`, { headers: { cookie } }), 401);

    // Links of theirs under my name, and of mine under theirs
    refused(await request(mine.partner.linkWith(theirs.partner.token({ userId: 'same' }))), 401);
    refused(await request(theirs.partner.linkWith(mine.partner.token({ userId: 'same' }))), 401);

    expect(await rowsOf(stack, kept)).toEqual(before);
    expect((await send('/v1/session/claim', { code: theirs.code }, { origin: theirs.origin })).status).toBe(200);
    expect((await send('/v1/session/refresh', { refreshToken }, { origin: theirs.origin })).status).toBe(200);
    expect((await whoIs(theirs.browser)).user.userId).toBe(theirs.userId);
  });

  it('cannot merge what is anonymous at the other', async () => {
    const { partner, handle } = theirs;
    const before = await rowsOf(stack, kept);
    const browser = new Browser(stack.url);
    await browser.open(mine.partner.link({ userId: 'merger', anonymousAccountId: handle }));
    const after = await rowsOf(stack, kept);
    const ofThem = (rows: Record<string, unknown[]>) =>
      kept.map((table) => rows[table]!.filter((row) => (row as { client_id: string }).client_id === partner.clientId));
    expect(ofThem(after)).toEqual(ofThem(before));
    const { user } = await whoIs(browser);
    const [refusal] = await admin.audit({
      clientId: mine.partner.clientId,
      type: 'user.merge_refused',
      userId: user.userId,
    });
    expect(refusal.reason).toBe('unknown');
  });

  it('answer the same for what is not theirs as for what is nowhere', async () => {
    const path = `clients/${mine.partner.clientId}/users`;
    const shape = ({ status, text }: Answer) => [status, text.replace(/"traceId":"\w+"/, '')];
    const nowhere = await admin.send('GET', `${path}/0198c0de-0000-7000-8000-000000000000`);
    expect(shape(await admin.send('GET', `${path}/${theirs.userId}`))).toEqual(shape(nowhere));
    const invented = `segue_code_${mine.partner.clientId}_${'A'.repeat(43)}`;
    const claim = (code: string) => send('/v1/session/claim', { code }, { origin: mine.origin });
    expect(shape(await claim(theirs.code.replace(theirs.partner.clientId, mine.partner.clientId)))).toEqual(
      shape(await claim(invented)),
    );
  });

  it('do not hear of each other in the audit trail', async () => {
    const entries = await admin.audit({ clientId: mine.partner.clientId, limit: '200' });
    const text = JSON.stringify(entries);
    for (const foreign of [theirs.userId, theirs.sessionId, theirs.partner.clientId, theirs.apiKey.keyId])
      expect(text).not.toContain(foreign);
  });
});
