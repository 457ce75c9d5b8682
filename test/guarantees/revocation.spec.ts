import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { token } from '#contracts/token';
import { Admin } from '../support/admin.js';
import { busOf } from '../support/bus.js';
import { eventually } from '../support/eventually.js';
import { request } from '../support/http.js';
import type { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';
import { portalOf, type Visitor, verify, visit } from '../support/visitor.js';

/** R-26 allows five seconds. In milliseconds. */
const boundMs = 5_000;
const usualMs = 1_000;

describe('whoever is revoked', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  let gateways: string[];

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'claim=1000/1m,link=1000/1m' } });
    admin = new Admin(stack);
    partner = await portalOf(admin);
    gateways = [stack.url, await stack.addGateway()];
    await trusting(2);
  }, startMs);
  afterAll(() => stack?.stop());

  /** The gateways write into one log. */
  const trusting = (gateways: number) =>
    eventually(
      async () => readFileSync(join(stack.logs, 'gateway.log'), 'utf8').match(/revocations are known/g)?.length,
      (count) => count === gateways,
    );
  const statuses = (accessToken: string) =>
    Promise.all(gateways.map(async (gateway) => (await verify(gateway, accessToken)).status));

  /** How long after `revoke` was acknowledged the token was refused by every gateway, in milliseconds. */
  async function refusedAfter(accessToken: string, revoke: () => Promise<unknown>): Promise<number> {
    expect(await statuses(accessToken)).toEqual([204, 204]);
    await revoke();
    const began = performance.now();
    await eventually(
      () => statuses(accessToken),
      (all) => all.every((status) => status === 401),
      boundMs,
    );
    return performance.now() - began;
  }

  it('is nobody who is signed in: their token passes at every gateway and says who they are', async () => {
    const { accessToken, userId } = await visit(stack.url, partner);
    for (const gateway of gateways) {
      const answer = await verify(gateway, accessToken);
      expect([answer.status, answer.text]).toEqual([204, '']);
      expect(answer.headers).toMatchObject({ 'x-user-id': userId, 'x-client-id': partner.clientId, 'x-scopes': '' });
    }
    expect((await request(`${stack.url}/v1/verify`)).status).toBe(401);
    expect((await verify(stack.url, `${accessToken.slice(0, -4)}AAAA`)).status).toBe(401);
  });

  it.each<[string, (visitor: Visitor) => Promise<unknown>]>([
    [
      'the end of the session that theirs hangs on',
      ({ browser }) => browser.open('/v1/session', { method: 'DELETE', headers: { 'sec-fetch-site': 'same-origin' } }),
    ],
    [
      'signing out',
      ({ accessToken }) =>
        request(`${stack.url}/v1/session`, { method: 'DELETE', headers: { authorization: `Bearer ${accessToken}` } }),
    ],
    ['the end of all their sessions', ({ userId }) => admin.delete(`${users()}/${userId}/sessions`)],
    ['suspension', ({ userId }) => admin.send('POST', `${users()}/${userId}/suspend`)],
    ['erasure', ({ userId }) => admin.delete(`${users()}/${userId}`)],
  ])('by %s is refused at every gateway within a moment, and nobody else', async (_name, revoke) => {
    const [one, other] = [await visit(stack.url, partner), await visit(stack.url, partner)];
    expect(await refusedAfter(one.accessToken, () => revoke(one))).toBeLessThan(usualMs);
    const whole = { headers: { authorization: `Bearer ${one.accessToken}` } };
    expect((await request(`${stack.url}/v1/session`, whole)).status).toBe(401);
    expect(await statuses(other.accessToken)).toEqual([204, 204]);
  });
  const users = () => `clients/${partner.clientId}/users`;

  it('with their client is refused at every gateway within a moment, and stays so when it is restored', async () => {
    const client = await portalOf(admin);
    const set = (status: string) => admin.patch(`clients/${client.clientId}`, { status });
    const { accessToken } = await visit(stack.url, client);
    expect(await refusedAfter(accessToken, () => set('suspended'))).toBeLessThan(usualMs);
    await set('active');
    await eventually(
      async () => (await request(client.link())).status,
      (status) => status === 303,
    );
    const { accessToken: next } = await visit(stack.url, client);
    await eventually(
      () => statuses(next),
      (all) => all.every((status) => status === 204),
    );
    expect(await statuses(accessToken)).toEqual([401, 401]);
  });

  it('with the audience their token is for is refused at every gateway within a moment', async () => {
    const client = await portalOf(admin);
    const { accessToken } = await visit(stack.url, client);
    const rename = () =>
      admin.patch(`clients/${client.clientId}`, { settings: { audience: 'https://api.example.com' } });
    expect(await refusedAfter(accessToken, rename)).toBeLessThan(usualMs);
    expect(await statuses((await visit(stack.url, client)).accessToken)).toEqual([204, 204]);
  });

  it('with the key that minted their token is refused at every gateway within a moment', async () => {
    const keys = `clients/${partner.clientId}/api-keys`;
    const { keyId } = await admin.post(keys, { name: 'backend', kind: 'private', scopes: ['tokens.issue'] });
    const { bus, close } = await busOf(stack);
    const { token: minted } = await bus.ask(token.sign, {
      kind: 'access',
      clientId: partner.clientId,
      subject: `key_${keyId}`,
      sessionId: randomUUID(),
      epoch: 0,
      scopes: ['tokens.issue'],
      jti: randomUUID(),
      ttlSeconds: 600,
    });
    await close();
    expect(await refusedAfter(minted, () => admin.delete(`${keys}/${keyId}`))).toBeLessThan(usualMs);
  });

  it('is refused by a gateway that starts afterwards from its first moment on', async () => {
    const { accessToken, userId } = await visit(stack.url, partner);
    await admin.send('POST', `${users()}/${userId}/suspend`);
    const late = await stack.addGateway();
    let known = false;
    const knowing = trusting(3).then(() => {
      known = true;
    });
    for (let after = 0; after < 5; after += known ? 1 : 0) {
      expect((await verify(late, accessToken)).status).toBe(401);
      await sleep(20);
    }
    await knowing;
  }, 30_000);

  it('is not alone: a change of a client’s settings, too, is in force at every gateway at once', async () => {
    const client = await portalOf(admin);
    const refusedTo = async (gateway: string) => {
      const link = new URL(client.link({ userId: '' }));
      const answer = await request(`${gateway}${link.pathname}${link.search}`, { headers: { accept: 'text/html' } });
      return answer.headers['location']?.split('?')[0];
    };
    const everywhere = () => Promise.all(gateways.map(refusedTo));
    expect(await everywhere()).toEqual(['/login', '/login']);
    await admin.patch(`clients/${client.clientId}`, { settings: { loginUrl: '/sign-in-again' } });
    await eventually(everywhere, (all) => all.every((place) => place === '/sign-in-again'), usualMs);
  });
});
