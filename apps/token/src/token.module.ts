import { type DynamicModule, Module } from '@nestjs/common';
import { OutboxModule } from '#outbox/outbox.module';
import { PostgresModule } from '#postgres/postgres.module';
import { Authenticate } from './authenticate.js';
import { ClientController } from './client.controller.js';
import { ApiKeys } from './clients/api-keys.js';
import { Clients } from './clients/clients.js';
import { KnownApiKeys } from './clients/known-api-keys.js';
import { KnownClients } from './clients/known-clients.js';
import { LastUse } from './clients/last-use.js';
import { LinkSecrets } from './clients/link-secrets.js';
import { issuer } from './issuer.js';
import { SigningKeys } from './keys/signing-keys.js';
import { Sign } from './sign.js';
import { SigningKeyController } from './signing-key.controller.js';
import { ApiKeyStore } from './store/api-key.store.js';
import { ClientStore } from './store/client.store.js';
import { store } from './store/data-source.js';
import { LastUseStore } from './store/last-use.store.js';
import { LinkSecretStore } from './store/link-secret.store.js';
import { SigningKeyStore } from './store/signing-key.store.js';
import type { TokenConfig } from './token.config.js';
import { TokenController } from './token.controller.js';
import { Vault } from './vault.js';
import { VerifyLink } from './verify-link.js';

const stores = [ClientStore, LinkSecretStore, ApiKeyStore, LastUseStore, SigningKeyStore];
const administration = [Clients, LinkSecrets, ApiKeys];
const checking = [VerifyLink, Authenticate, Sign, SigningKeys, KnownClients, KnownApiKeys, LastUse];

/** Credentials: issue and check. */
@Module({})
export class TokenModule {
  static with(config: TokenConfig): DynamicModule {
    return {
      module: TokenModule,
      imports: [PostgresModule.with({ url: config.DATABASE_URL, ...store }), OutboxModule.with({ service: 'token' })],
      controllers: [TokenController, ClientController, SigningKeyController],
      providers: [
        { provide: issuer, useValue: config.PUBLIC_URL },
        { provide: Vault, useFactory: () => new Vault(config.SEAL_KEYS) },
        ...stores,
        ...administration,
        ...checking,
      ],
    };
  }
}
