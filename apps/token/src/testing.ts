// For specs only: the service without its bus, on a store of its own.
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Attempt } from '#contracts/ids';
import { Secret } from '#env/secret';
import { createLog } from '#log/log';
import { GroupedFacts } from '#outbox/grouped-facts';
import { Outbox } from '#outbox/outbox';
import { Refusals } from '#outbox/refusals';
import { statement } from '#postgres/postgres';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { openRedis } from '#redis/open';
import { hmacSha256 } from '#secrets/digest';
import { Authenticate } from './authenticate.js';
import { Claim } from './claim.js';
import { ClaimCustomToken } from './claim-custom-token.js';
import { ApiKeys } from './clients/api-keys.js';
import { Clients } from './clients/clients.js';
import { KnownApiKeys } from './clients/known-api-keys.js';
import { KnownClients } from './clients/known-clients.js';
import { LastUse } from './clients/last-use.js';
import { LinkCheck } from './clients/link-check.js';
import { LinkSecrets } from './clients/link-secrets.js';
import { SigningKeys } from './keys/signing-keys.js';
import { Offer } from './offer.js';
import { OfferCustomToken } from './offer-custom-token.js';
import { Park } from './park.js';
import { Sign } from './sign.js';
import { Snapshot } from './snapshot.js';
import { ApiKeyStore } from './store/api-key.store.js';
import { ClientStore } from './store/client.store.js';
import { CustomTokenStore } from './store/custom-token.store.js';
import { store } from './store/data-source.js';
import { GuessStore } from './store/guess.store.js';
import { LastUseStore } from './store/last-use.store.js';
import { LinkSecretStore } from './store/link-secret.store.js';
import { OneTimeTokenStore } from './store/one-time-token.store.js';
import { ParkedLinkStore } from './store/parked-link.store.js';
import { RevocationStore } from './store/revocation.store.js';
import { SigningKeyStore } from './store/signing-key.store.js';
import { Unlock } from './unlock.js';
import { Vault } from './vault.js';
import { VerifyLink } from './verify-link.js';

export const issuerOfSpecs = 'https://segue.example';

export const openStore = (): Promise<ScratchStore> => scratchStore(store);
export const sealKeys = () => new Secret(`k1:${randomBytes(32).toString('base64')}`);

const log = createLog({ service: 'token', level: 'silent' });

/** A connection to `SEGUE_TEST_REDIS`, or to another Redis of a spec. */
export function openSpecRedis(url = new Secret(process.env['SEGUE_TEST_REDIS'] ?? '')): Promise<Redis> {
  return openRedis({ url, strict: false, log });
}

/** For what needs no Redis: every command fails. */
const noRedis = new Redis({ lazyConnect: true, enableOfflineQueue: false });

/** A replica: what one process holds, over the given stores. */
export function replica({ postgres }: ScratchStore, keys: Secret, redis = noRedis) {
  const vault = new Vault(keys);
  const outbox = new Outbox();
  const clientStore = new ClientStore(postgres);
  const secretStore = new LinkSecretStore(postgres);
  const keyStore = new ApiKeyStore(postgres);
  const knownClients = new KnownClients(clientStore, vault);
  const knownKeys = new KnownApiKeys(keyStore);
  const lastUse = new LastUse(new LastUseStore(postgres), log);
  const facts = new GroupedFacts(postgres, outbox);
  const refusals = new Refusals(facts, log);
  const linkCheck = new LinkCheck(knownClients);
  const parkedLinks = new ParkedLinkStore(redis, vault);
  const tokens = new OneTimeTokenStore(redis);
  const customTokens = new CustomTokenStore(redis, vault);
  const guesses = new GuessStore(postgres, outbox);
  const signingKeys = new SigningKeys(postgres, outbox, new SigningKeyStore(postgres), vault, log);
  return {
    known: { clients: knownClients, keys: knownKeys },
    lastUse,
    refusals,
    signingKeys,
    clients: new Clients(postgres, clientStore, secretStore, knownClients, vault, outbox),
    linkSecrets: new LinkSecrets(postgres, clientStore, secretStore, knownClients, vault, outbox, log),
    apiKeys: new ApiKeys(postgres, clientStore, keyStore, knownKeys, outbox),
    verifyLink: new VerifyLink(linkCheck, parkedLinks, refusals, lastUse),
    park: new Park(linkCheck, parkedLinks),
    offer: new Offer(tokens, facts),
    claim: new Claim(tokens, knownClients, refusals, facts),
    tokens,
    guesses,
    offerCustom: new OfferCustomToken(customTokens, guesses, facts),
    claimCustom: new ClaimCustomToken(customTokens, guesses, knownClients, refusals, facts),
    unlock: new Unlock(guesses),
    snapshot: new Snapshot(new RevocationStore(postgres)),
    authenticate: new Authenticate(knownClients, knownKeys, refusals, lastUse),
    sign: new Sign(knownClients, signingKeys, facts, issuerOfSpecs),
  };
}

export interface WrittenFact {
  readonly clientId: string;
  readonly type: string;
  readonly subject: string;
  readonly body: Record<string, unknown>;
}

const facts = statement(
  'spec.facts',
  `SELECT client_id AS "clientId", type, subject, body FROM outbox ORDER BY position`,
);

/** What stands in the outbox, oldest first. */
export function factsOf({ postgres }: ScratchStore): Promise<WrittenFact[]> {
  return postgres.query<WrittenFact>(facts);
}

let attempts = 0;
/** A new caller's attempt, from one address. */
export function attempt(address = 'a1'): Attempt {
  attempts += 1;
  return { support: attempts.toString(36).padStart(10, '0'), address };
}

/** A link as a partner's backend signs it: HS256 with the text of the secret as key. */
export function signedLink(secret: string, claims: object, header: object = { alg: 'HS256', typ: 'JWT' }): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${input}.${hmacSha256(Buffer.from(secret), input).toString('base64url')}`;
}

export const nowSeconds = () => Math.floor(Date.now() / 1000);
