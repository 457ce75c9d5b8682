import { type DynamicModule, Module } from '@nestjs/common';
import { Log } from '#log/log';
import { OutboxModule } from '#outbox/outbox.module';
import { PostgresModule } from '#postgres/postgres.module';
import { Upkeep } from '#postgres/upkeep';
import { RedisModule } from '#redis/redis.module';
import { Authenticate } from './authenticate.js';
import { Claim } from './claim.js';
import { ClaimCustomToken } from './claim-custom-token.js';
import { ClientController } from './client.controller.js';
import { ApiKeys } from './clients/api-keys.js';
import { Changes } from './clients/changes.js';
import { Clients } from './clients/clients.js';
import { KnownApiKeys } from './clients/known-api-keys.js';
import { KnownClients } from './clients/known-clients.js';
import { LastUse } from './clients/last-use.js';
import { LinkCheck } from './clients/link-check.js';
import { LinkSecrets } from './clients/link-secrets.js';
import { ClosedParents } from './closed-parents.js';
import { issuer } from './issuer.js';
import { SigningKeys } from './keys/signing-keys.js';
import { Offer } from './offer.js';
import { OfferCustomToken } from './offer-custom-token.js';
import { Park } from './park.js';
import { Sign } from './sign.js';
import { SigningKeyController } from './signing-key.controller.js';
import { Snapshot } from './snapshot.js';
import { ApiKeyStore } from './store/api-key.store.js';
import { ClientStore } from './store/client.store.js';
import { CustomTokenStore } from './store/custom-token.store.js';
import { GuessStore } from './store/guess.store.js';
import { LastUseStore } from './store/last-use.store.js';
import { LinkSecretStore } from './store/link-secret.store.js';
import { OneTimeTokenStore } from './store/one-time-token.store.js';
import { ParkedLinkStore } from './store/parked-link.store.js';
import { RevocationStore } from './store/revocation.store.js';
import { schema } from './store/schema.js';
import { SigningKeyStore } from './store/signing-key.store.js';
import type { TokenConfig } from './token.config.js';
import { TokenController } from './token.controller.js';
import { Unlock } from './unlock.js';
import { Vault } from './vault.js';
import { VerifyLink } from './verify-link.js';

const stores = [
  ...[ClientStore, LinkSecretStore, ApiKeyStore, LastUseStore, SigningKeyStore, RevocationStore],
  ...[ParkedLinkStore, OneTimeTokenStore, CustomTokenStore, GuessStore],
];
const administration = [Clients, LinkSecrets, ApiKeys];
const checking = [LinkCheck, SigningKeys, KnownClients, KnownApiKeys, Changes, ClosedParents, LastUse];
const verbs = [
  ...[VerifyLink, Park, Authenticate, Offer, OfferCustomToken, Claim, ClaimCustomToken, Unlock],
  ...[Sign, Snapshot],
];

/** Credentials: issue and check. */
@Module({})
export class TokenModule {
  static with(config: TokenConfig): DynamicModule {
    return {
      module: TokenModule,
      imports: [
        PostgresModule.with({ url: config.DATABASE_URL, ...schema }),
        RedisModule.with({ url: config.REDIS_URL, strict: config.NODE_ENV !== 'development' }),
        OutboxModule.with({ service: 'token' }),
      ],
      controllers: [TokenController, ClientController, SigningKeyController],
      providers: [
        { provide: issuer, useValue: config.PUBLIC_URL },
        { provide: Vault, useFactory: () => new Vault(config.SEAL_KEYS) },
        ...stores,
        ...administration,
        ...checking,
        ...verbs,
        { provide: Upkeep, inject: [GuessStore, Log], useFactory: upkeep },
      ],
    };
  }
}

function upkeep(guesses: GuessStore, log: Log): Upkeep {
  return new Upkeep({ everyMs: 600_000, log, jobs: { 'forget guesses': (most) => guesses.forget(most) } });
}
