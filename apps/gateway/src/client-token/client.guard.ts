import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { ApiKeys } from '../guards/api-keys.js';
import { bearerOf } from '../guards/bearer.js';
import { ClientSettings } from '../guards/client-settings.js';
import { Jwts } from '../guards/jwts.js';
import { Places } from '../guards/places.js';
import { withoutServerScopes } from '../guards/scopes.js';
import { refuseBrowser } from '../guards/server-key.js';
import { Attempts } from '../http/attempts.js';
import { ThrottleGuard } from '../http/throttle.guard.js';
import type { ClientCaller } from './client-token.schema.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whom `ClientGuard` let in. */
    clientCaller?: ClientCaller;
  }
}

/** Lets in an SDK: by the short-lived token its backend fetched, or by the client's public key. Refusals are counted. */
@Injectable()
export class ClientGuard implements CanActivate {
  constructor(
    private readonly jwts: Jwts,
    private readonly keys: ApiKeys,
    private readonly settings: ClientSettings,
    private readonly places: Places,
    private readonly attempts: Attempts,
    private readonly throttle: ThrottleGuard,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { authorization, apikey } = request.headers;
    request.clientCaller = await this.throttle.countRefusals('client-token', context, async () => {
      if (authorization !== undefined) return this.byToken(request);
      if (typeof apikey === 'string' && apikey !== '') return this.byPublicKey(request, apikey);
      throw new Fault('token.refused');
    });
    return true;
  }

  private async byToken(request: FastifyRequest): Promise<ClientCaller> {
    const holder = await this.jwts.check(bearerOf(request) ?? '', 'sdk');
    if (!holder) throw new Fault('token.refused');
    const { clientId, scopes, externalId, expiresAt } = holder;
    await this.places.admit(request, clientId);
    if (!(await this.settings.find(clientId))?.features.shortLivedToken) throw new Fault('feature.off');
    const named = externalId === undefined ? {} : { extId: externalId };
    return {
      clientId,
      via: 'token',
      scopes: [...scopes],
      ...named,
      expiresAt: new Date(expiresAt * 1000).toISOString(),
    };
  }

  private async byPublicKey(request: FastifyRequest, apikey: string): Promise<ClientCaller> {
    // What is no public key is perhaps a private one, and has no business here wherever it comes from (S-51).
    if (!apikey.startsWith('segue_pk_')) {
      refuseBrowser(request);
      throw new Fault('key.refused');
    }
    const { client, scopes, expiresAt } = await this.keys.check(apikey, this.attempts.of(request));
    const { clientId, settings } = client;
    await this.places.admit(request, clientId);
    if (!settings.features.publicKeyAuth) throw new Fault('feature.off');
    return {
      clientId,
      via: 'public_key',
      scopes: withoutServerScopes(scopes),
      ...(expiresAt !== null && { expiresAt }),
    };
  }
}

/** Whom `ClientGuard` let in. */
export const ClientCalling = createParamDecorator((_: unknown, context: ExecutionContext): ClientCaller => {
  const { clientCaller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!clientCaller) throw new Error('a route that wants its caller needs the ClientGuard');
  return clientCaller;
});
