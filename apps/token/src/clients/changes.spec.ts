import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Line } from '#bus/bus.module';
import { openSpecLine } from '#bus/replica.support';
import type { Fact } from '#contracts/fact';
import { settings } from '#contracts/settings';
import { Secret } from '#env/secret';
import type { ScratchStore } from '#postgres/testing';
import { attempt, factsOf, nowSeconds, openStore, replica, sealKeys, signedLink } from '../testing.js';
import { Changes } from './changes.js';

let store: ScratchStore;
let line: Line;
let changes: Changes;
let here: ReturnType<typeof replica>;
let there: ReturnType<typeof replica>;
let clientId: string;
let linkSecret: { secretId: string; secret: string };
beforeAll(async () => {
  store = await openStore();
  const keys = sealKeys();
  here = replica(store, keys);
  there = replica(store, keys);
  line = openSpecLine(new Secret(process.env['SEGUE_TEST_NATS'] ?? ''));
  await line.connection.ready;
  await line.facts.ensure();
  changes = new Changes(line.feed, there.known.clients, there.known.keys);
  changes.onModuleInit();
});
afterAll(async () => {
  changes.onModuleDestroy();
  await line.facts.close();
  line.requests.close();
  await line.connection.close();
  await store.drop();
});
beforeEach(async () => {
  const made = await here.clients.create({ name: 'Acme', settings: settings.parse({}) });
  clientId = made.client.clientId;
  linkSecret = made.linkSecret;
});

/** What the relay does with the last fact, and the time for it to be heard. */
async function relay(): Promise<void> {
  const last = (await factsOf(store)).at(-1);
  const fact = { ...last, id: randomUUID(), at: new Date().toISOString(), traceparent: null } as unknown as Fact;
  await line.facts.publish(fact);
  await sleep(100);
}
const authenticate = (key: string) => there.authenticate.run({ key, attempt: attempt() });
const follow = () => {
  const userToken = signedLink(linkSecret.secret, { userId: 'u', iat: nowSeconds() });
  return there.verifyLink.run({ clientId, userToken, attempt: attempt() });
};

describe('what another replica changed', () => {
  it('a deleted key is refused as soon as its fact is heard', async () => {
    const { key, keyId } = await here.apiKeys.create({ clientId, name: 'k', kind: 'private', scopes: [] });
    await authenticate(key);
    await here.apiKeys.delete({ clientId, keyId });
    await authenticate(key);
    await relay();
    await expect(authenticate(key)).rejects.toMatchObject({ code: 'key.refused' });
  });

  it('a deleted link secret, too', async () => {
    await follow();
    await here.linkSecrets.delete({ clientId, secretId: linkSecret.secretId });
    await follow();
    await relay();
    await expect(follow()).rejects.toMatchObject({ code: 'link.refused' });
  });

  it('and a suspended client, and its settings', async () => {
    await follow();
    await here.clients.update({ clientId, settings: { loginUrl: '/enter' } });
    expect((await follow()).client.settings.loginUrl).toBe('/login');
    await relay();
    expect((await follow()).client.settings.loginUrl).toBe('/enter');
    await here.clients.update({ clientId, status: 'suspended' });
    await follow();
    await relay();
    await expect(follow()).rejects.toMatchObject({ code: 'account.suspended' });
  });
});
