import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { sha256 } from '#secrets/digest';
import { attempt, factsOf, nowSeconds, openStore, replica, sealKeys, signedLink } from './testing.js';

let store: ScratchStore;
let service: ReturnType<typeof replica>;
let keys: ReturnType<typeof sealKeys>;
let clientId: string;
let secretId: string;
let secret: string;
beforeAll(async () => {
  store = await openStore();
  keys = sealKeys();
  service = replica(store, keys);
  ({ clientId, secretId, secret } = await newClient());
});
afterAll(() => store.drop());

async function newClient(given: object = {}) {
  const made = await service.clients.create({ name: 'Acme', settings: settings.parse(given) });
  return { clientId: made.client.clientId, ...made.linkSecret };
}
const verify = (userToken: string, client = clientId, by = attempt()) =>
  service.verifyLink.run({ clientId: client, userToken, attempt: by });
const fresh = (claims: object = {}) => ({ userId: 'u', iat: nowSeconds(), exp: nowSeconds() + 60, ...claims });

describe('verifyLink', () => {
  it('answers what the flows need of a good link', async () => {
    const iat = nowSeconds() - 3;
    const token = signedLink(secret, {
      userId: 'u',
      email: 'a@example.com',
      locale: 'en_US',
      iat,
      exp: iat + 60,
      role: 'x',
    });
    const hash = sha256(token.slice(0, token.lastIndexOf('.'))).toString('base64url');
    expect(await verify(token)).toEqual({
      client: {
        ...{ clientId, epoch: 0, lifetimes: { access: 900, session: 1_296_000 } },
        settings: {
          ...{ landingUrl: '/', loginUrl: '/login', redirectUrls: [], callbackPaths: [], embedOrigins: [] },
          ...{ landingMode: 'direct', switchUser: 'confirm', emailConflict: 'keep-owner' },
        },
      },
      secretId,
      claims: { externalId: 'u', email: 'a@example.com', locale: 'en-US' },
      asOf: iat,
      hash,
      origin: `link:${hash}`,
      expiresAt: iat + 60,
    });
  });

  it('takes the name the link gives itself for its fence, and none where links may repeat', async () => {
    expect((await verify(signedLink(secret, fresh({ jti: 'once' })))).origin).toBe('link:once');
    const repeatable = await newClient({ linkReplay: 'until-expiry' });
    const answer = await verify(signedLink(repeatable.secret, fresh({ jti: 'once' })), repeatable.clientId);
    expect(answer.origin).toBeNull();
  });

  it('keeps to the key that kid names', async () => {
    const named = (kid: string) => signedLink(secret, fresh(), { alg: 'HS256', typ: 'JWT', kid });
    expect(await verify(named(secretId))).toMatchObject({ secretId });
    await expect(verify(named('another'))).rejects.toMatchObject({ code: 'link.refused' });
  });

  const good = () => signedLink(secret, fresh());
  const tampered = () => {
    const [header, , signature] = good().split('.');
    return `${header}.${Buffer.from(JSON.stringify(fresh({ userId: 'admin' }))).toString('base64url')}.${signature}`;
  };
  it.each<[string, string, () => string]>([
    ['malformed', 'no JWT', () => 'x'],
    ['algorithm', 'alg none', () => signedLink(secret, fresh(), { alg: 'none' })],
    ['header', 'crit', () => signedLink(secret, fresh(), { alg: 'HS256', crit: [] })],
    ['signature', 'another secret', () => signedLink('x'.repeat(43), fresh())],
    ['signature', 'changed claims', tampered],
    ['unknown_key', 'an unknown kid', () => signedLink(secret, fresh(), { alg: 'HS256', kid: 'k' })],
    ['claims', 'no userId', () => signedLink(secret, fresh({ userId: undefined }))],
    ['claims', 'our placeholder domain', () => signedLink(secret, fresh({ email: 'a@x.invalid' }))],
    ['expired', 'an old link', () => signedLink(secret, { userId: 'u', exp: nowSeconds() - 31 })],
    ['not_yet_valid', 'a link of tomorrow', () => signedLink(secret, fresh({ nbf: nowSeconds() + 99 }))],
    ['no_expiry', 'no times', () => signedLink(secret, { userId: 'u' })],
    ['lifetime', 'a link for a week', () => signedLink(secret, fresh({ exp: nowSeconds() + 604_800 }))],
  ])('records %s before it refuses %s', async (reason, _, token) => {
    const by = attempt();
    await expect(verify(token(), clientId, by)).rejects.toMatchObject({ code: 'link.refused', detail: undefined });
    expect((await factsOf(store)).at(-1)).toEqual({
      clientId,
      type: 'link.refused',
      subject: `link/${by.support}`,
      body: { support: by.support, reason, address: by.address },
    });
  });

  it.each(['nobody000', 'UPPER', '', '../x', "' OR ''='", 'canary-of-the-attacker'])(
    'records an unknown client %j under nobody, without its text',
    async (stranger) => {
      await expect(verify(good(), stranger)).rejects.toMatchObject({ code: 'link.refused' });
      const last = (await factsOf(store)).at(-1);
      expect(last).toMatchObject({ clientId: '_', body: { reason: 'unknown_client' } });
      if (stranger) expect(JSON.stringify(last)).not.toContain(stranger);
    },
  );

  it('tries no key of another client', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => newClient()));
    for (const a of clients) {
      for (const b of clients) {
        const answer = verify(signedLink(a.secret, fresh()), b.clientId);
        if (a === b) await expect(answer).resolves.toMatchObject({ secretId: a.secretId });
        else await expect(answer).rejects.toMatchObject({ code: 'link.refused' });
      }
    }
  });

  it('tells of a suspension only to a link that would sign in', async () => {
    const { secret: own, clientId: suspended } = await newClient();
    await service.clients.update({ clientId: suspended, status: 'suspended' });
    await expect(verify(signedLink(own, fresh()), suspended)).rejects.toMatchObject({ code: 'account.suspended' });
    expect((await factsOf(store)).at(-1)?.body).toMatchObject({ reason: 'suspended' });
    const expired = signedLink(own, { userId: 'u', exp: 1 });
    await expect(verify(expired, suspended)).rejects.toMatchObject({ code: 'link.refused' });
    await expect(verify(signedLink(secret, fresh()), suspended)).rejects.toMatchObject({ code: 'link.refused' });
  });

  it('takes changed settings at once where they were changed', async () => {
    const { secret: own, clientId: strict } = await newClient();
    const token = signedLink(own, fresh({ exp: nowSeconds() + 3000 }));
    await verify(token, strict);
    await service.clients.update({ clientId: strict, settings: { linkMaxAgeSeconds: 60 } });
    await expect(verify(token, strict)).rejects.toMatchObject({ code: 'link.refused' });
  });

  it('still takes links after the seal keys were rotated, and none it cannot open', async () => {
    const [oldKeys, newKeys] = [sealKeys(), sealKeys()];
    const made = await replica(store, oldKeys).clients.create({ name: 'Acme', settings: settings.parse({}) });
    const request = {
      clientId: made.client.clientId,
      userToken: signedLink(made.linkSecret.secret, fresh()),
      attempt: attempt(),
    };
    const { Secret } = await import('#env/secret');
    const ring = new Secret(`${newKeys.reveal().replace('k1:', 'k2:')},${oldKeys.reveal()}`);
    await expect(replica(store, ring).verifyLink.run(request)).resolves.toMatchObject({ claims: { externalId: 'u' } });
    await expect(replica(store, newKeys).verifyLink.run(request)).rejects.not.toMatchObject({ code: 'link.refused' });
  });

  it('counts beyond 600 refusals a minute and address, and names every one of them', async () => {
    const flooded = replica(store, keys);
    const before = (await factsOf(store)).length;
    const attempts = Array.from({ length: 700 }, () => attempt('flood'));
    const asked = attempts.map((by) => flooded.verifyLink.run({ clientId, userToken: 'x', attempt: by }));
    const results = await Promise.allSettled(asked);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    await flooded.refusals.onModuleDestroy();

    const bodies = (await factsOf(store)).slice(before).map(({ body }) => body);
    expect(bodies.filter((body) => !('count' in body))).toHaveLength(600);
    const counted = bodies.filter((body) => 'count' in body);
    expect(counted).toMatchObject([{ reason: 'malformed', address: 'flood', count: 100 }]);
    const named = bodies.flatMap((body) => (body['supports'] as string[] | undefined) ?? [body['support']]);
    expect(new Set(named)).toEqual(new Set(attempts.map(({ support }) => support)));
  });
});
