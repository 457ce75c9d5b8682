import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { attempt, nowSeconds, openStore, replica, sealKeys, signedLink } from '../testing.js';

let store: ScratchStore;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store.drop());

/** Every value of every table of the schema, in all the forms a secret could be found in. */
async function dump(): Promise<string> {
  const tables: { relname: string }[] = await store.dataSource.query(
    `SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p')`,
    [store.schema],
  );
  const rows = await Promise.all(
    tables.map(({ relname }) => store.dataSource.query(`SELECT t::text FROM ${relname} t`)),
  );
  const text = JSON.stringify(rows);
  const bytes = [...text.matchAll(/\\\\x([0-9a-f]+)/g)].map(([, hex = '']) =>
    Buffer.from(hex, 'hex').toString('latin1'),
  );
  return [text, ...bytes].join('\n');
}

it('no link secret, API key, private key or seal key stands anywhere in clear', async () => {
  const keys = sealKeys();
  const service = replica(store, keys);
  await service.signingKeys.onModuleInit();
  const { client, linkSecret } = await service.clients.create({ name: 'Acme', settings: settings.parse({}) });
  const { clientId } = client;
  const second = await service.linkSecrets.create({ clientId, overlapSeconds: 60 });
  const key = await service.apiKeys.create({ clientId, name: 'k', kind: 'private', scopes: [] });
  const successor = await service.apiKeys.rotate({ clientId, keyId: key.keyId, overlapSeconds: 60 });
  await service.linkSecrets.delete({ clientId, secretId: second.secretId });
  await service.signingKeys.rotate();
  service.signingKeys.onModuleDestroy();

  const userToken = signedLink(linkSecret.secret, {
    userId: 'canary-user',
    email: 'canary@example.com',
    iat: nowSeconds(),
  });
  await service.verifyLink.run({ clientId, userToken, attempt: attempt() });
  await service.authenticate.run({ key: key.key, attempt: attempt() });
  await Promise.allSettled([
    service.verifyLink.run({ clientId, userToken: `${userToken}x`, attempt: attempt() }),
    service.verifyLink.run({ clientId: 'canary-client', userToken, attempt: attempt() }),
    service.authenticate.run({ key: `${key.key}canary`, attempt: attempt() }),
  ]);
  await service.lastUse.onModuleDestroy();

  const rested = await dump();
  expect(rested).toContain(clientId);
  expect(rested).toContain('link.refused');
  const secrets = [linkSecret.secret, second.secret, key.key, successor.key, keys.reveal(), userToken];
  for (const secret of secrets) {
    for (const part of secret.split(/[_:.]/).filter((piece) => piece.length >= 32)) expect(rested).not.toContain(part);
  }
  expect(rested).not.toContain('canary');
  // the DER prefix of an Ed25519 private key (RFC 8410), in base64 and hex
  for (const mark of ['MC4CAQAwBQYDK2Vw', '302e020100300506032b6570']) expect(rested).not.toContain(mark);
});

it('a sealed secret moved to another row does not open there', async () => {
  const service = replica(store, sealKeys());
  const [a, b] = await Promise.all(
    [1, 2].map(() => service.clients.create({ name: 'Acme', settings: settings.parse({}) })),
  );
  const [from, to] = [a?.client.clientId ?? '', b?.client.clientId ?? ''];
  await store.dataSource.query(
    `UPDATE link_secrets SET sealed = (SELECT sealed FROM link_secrets WHERE client_id = $1) WHERE client_id = $2`,
    [from, to],
  );
  const userToken = signedLink(a?.linkSecret.secret ?? '', { userId: 'u', iat: nowSeconds() });
  await expect(service.verifyLink.run({ clientId: to, userToken, attempt: attempt() })).rejects.toThrow();
});
