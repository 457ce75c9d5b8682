import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Redis } from 'ioredis';
import { FactStream } from '#bus/facts';
import { Log } from '#log/log';
import { RedisModule } from '#redis/redis.module';
import { sha256 } from '#secrets/digest';
import { ApiKeysController } from './admin/api-keys.controller.js';
import { AuditController } from './admin/audit.controller.js';
import { ClientsController } from './admin/clients.controller.js';
import { LinkSecretsController } from './admin/link-secrets.controller.js';
import { SigningKeysController } from './admin/signing-keys.controller.js';
import { UsersController } from './admin/users.controller.js';
import { AnonymousController } from './api-link/anonymous.controller.js';
import { AnonymousFlow } from './api-link/anonymous.flow.js';
import { ApiLinkController } from './api-link/api-link.controller.js';
import { ApiLinkFlow } from './api-link/api-link.flow.js';
import { ClientAuthController } from './client-auth/client-auth.controller.js';
import { ClientAuthFlow } from './client-auth/client-auth.flow.js';
import { ReauthenticateFlow } from './client-auth/reauthenticate.flow.js';
import { ClientTokenController } from './client-token/client-token.controller.js';
import { ClientTokenFlow } from './client-token/client-token.flow.js';
import { CustomTokenAccountController } from './custom-token/account.controller.js';
import { AccountJwts } from './custom-token/account-jwts.js';
import { AccountSessions } from './custom-token/account-sessions.js';
import { CurrentAccount } from './custom-token/current-account.js';
import { CustomTokenPingController } from './custom-token/ping.controller.js';
import { ProjectKeys } from './custom-token/project-keys.js';
import { ProjectUsers } from './custom-token/project-users.js';
import { RedeemFlow } from './custom-token/redeem.flow.js';
import { SessionCookies } from './custom-token/session-cookies.js';
import { CustomTokenUsersController } from './custom-token/users.controller.js';
import { Revocations } from './feed/revocations.js';
import type { GatewayConfig } from './gateway.config.js';
import { AccessGuard } from './guards/access.guard.js';
import { AdminGuard, AdminKeyDigest } from './guards/admin.guard.js';
import { ApiKeys } from './guards/api-keys.js';
import { Chains } from './guards/chains.js';
import { ClientSettings } from './guards/client-settings.js';
import { CurrentSession } from './guards/current-session.js';
import { Issuer } from './guards/issuer.js';
import { Jwts } from './guards/jwts.js';
import { LandingCode } from './guards/landing-code.js';
import { LoginPage } from './guards/login-page.js';
import { Places } from './guards/places.js';
import { Reception } from './guards/reception.js';
import { ServerKeys } from './guards/server-keys.js';
import { SigningKeys } from './guards/signing-keys.js';
import { Addresses } from './http/address.js';
import { Attempts } from './http/attempts.js';
import { BearerPair } from './http/bearer-pair.js';
import { Denials } from './http/denials.js';
import { FaultFilter } from './http/fault.filter.js';
import { QuestionPages } from './http/question-pages.js';
import { RateWindows } from './http/rate-windows.js';
import { SessionCookie } from './http/session-cookie.js';
import { ThrottleGuard } from './http/throttle.guard.js';
import { BearerController } from './native/bearer.controller.js';
import { ClaimFlow } from './native/claim.flow.js';
import { Claimants } from './native/claimants.js';
import { DemoController } from './native/demo.controller.js';
import { IntrospectFlow } from './native/introspect.flow.js';
import { JwksController } from './native/jwks.controller.js';
import { MetadataController } from './native/metadata.controller.js';
import { OauthController } from './native/oauth.controller.js';
import { RevokeFlow } from './native/revoke.flow.js';
import { SessionController } from './native/session.controller.js';
import { VerifyController } from './native/verify.controller.js';
import { LandFlow } from './one-time/land.flow.js';
import { LandingController } from './one-time/landing.controller.js';
import { MediaController } from './one-time/media.controller.js';
import { OneTimeController } from './one-time/one-time.controller.js';
import { OneTimeExchangeFlow } from './one-time/one-time-exchange.flow.js';
import { PasswordFlow } from './one-time/password.flow.js';
import { TokenController } from './one-time/token.controller.js';

export const controllers = [
  ApiLinkController,
  AnonymousController,
  ClientTokenController,
  ClientAuthController,
  TokenController,
  OneTimeController,
  LandingController,
  MediaController,
  CustomTokenUsersController,
  CustomTokenAccountController,
  CustomTokenPingController,
  SessionController,
  BearerController,
  VerifyController,
  JwksController,
  MetadataController,
  OauthController,
  DemoController,
  ClientsController,
  LinkSecretsController,
  ApiKeysController,
  UsersController,
  SigningKeysController,
  AuditController,
];

@Module({})
class GatewayModule {}

/** HTTP in, the bus out. The gateway keeps nothing but rate counters. */
export function gatewayModule(config: GatewayConfig): DynamicModule {
  const { LIMITS: limits, PUBLIC_URL: publicUrl } = config;
  return {
    module: GatewayModule,
    imports: [RedisModule.with({ url: config.REDIS_URL, strict: config.NODE_ENV !== 'development' })],
    controllers,
    providers: [
      { provide: Issuer, useValue: new Issuer(publicUrl) },
      { provide: SessionCookie, useValue: new SessionCookie(publicUrl) },
      { provide: Addresses, useValue: new Addresses(config.PEPPER.reveal()) },
      { provide: AdminKeyDigest, useValue: new AdminKeyDigest(sha256(config.ADMIN_KEY.reveal())) },
      {
        provide: Denials,
        inject: [FactStream, Log],
        useFactory: (facts: FactStream, log: Log) => new Denials(facts, log),
      },
      { provide: RateWindows, inject: [Redis], useFactory: (redis: Redis) => new RateWindows(redis, limits) },
      FaultFilter,
      Attempts,
      ClientSettings,
      ApiKeys,
      SigningKeys,
      Revocations,
      Jwts,
      ServerKeys,
      ClientTokenFlow,
      ClientAuthFlow,
      ReauthenticateFlow,
      CurrentSession,
      Places,
      BearerPair,
      Chains,
      QuestionPages,
      LandingCode,
      LoginPage,
      Reception,
      AdminGuard,
      ApiLinkFlow,
      AnonymousFlow,
      PasswordFlow,
      LandFlow,
      OneTimeExchangeFlow,
      AccountJwts,
      AccountSessions,
      CurrentAccount,
      RedeemFlow,
      ProjectKeys,
      ProjectUsers,
      SessionCookies,
      ClaimFlow,
      Claimants,
      IntrospectFlow,
      RevokeFlow,
      ThrottleGuard,
      { provide: APP_GUARD, useExisting: ThrottleGuard },
      { provide: APP_GUARD, useClass: AccessGuard },
    ],
  };
}
