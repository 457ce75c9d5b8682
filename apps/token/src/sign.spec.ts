import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { openStore, replica, sealKeys } from './testing.js';

let store: ScratchStore;
let service: ReturnType<typeof replica>;
let clientId: string;
beforeAll(async () => {
  store = await openStore();
  service = replica(store, sealKeys());
  await service.signingKeys.onModuleInit();
  ({ clientId } = (await service.clients.create({ name: 'Acme', settings: settings.parse({}) })).client);
});
afterAll(async () => {
  service.signingKeys.onModuleDestroy();
  await store.drop();
});

const claimsOf = async (more: { epoch?: number; sessionId?: string }) => {
  const asked = { clientId, subject: 'u', scopes: [], jti: randomUUID(), ttlSeconds: 60 };
  const { token } = await service.sign.run({ kind: 'access', ...asked, ...more });
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
};

describe('sign', () => {
  it('says the epoch of the subject beside the session, also when it is 0, and none where none is given', async () => {
    const sessionId = randomUUID();
    expect(await claimsOf({ sessionId, epoch: 3 })).toMatchObject({ sid: sessionId, epoch: 3 });
    expect(await claimsOf({ epoch: 0 })).toMatchObject({ epoch: 0 });
    expect(await claimsOf({})).not.toHaveProperty('epoch');
  });
});
