import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import type { KeyCaller } from '../guards/api-keys.js';
import { ServerKeys } from '../guards/server-keys.js';

/** What a private key needs to mint tokens with. */
const issuingScope = 'tokens.issue';

declare module 'fastify' {
  interface FastifyRequest {
    /** The key `IssuingKeyGuard` let in. */
    issuingKey?: KeyCaller;
  }
}

/** Lets in a backend whose private key may mint tokens for its client. */
@Injectable()
export class IssuingKeyGuard implements CanActivate {
  constructor(private readonly keys: ServerKeys) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // Addresses are kept in logs and histories; whoever tries should learn it before it works (S-51).
    if (Object.keys(request.query ?? {}).some(isKeyName))
      throw new Fault('request.invalid', { detail: 'the API key goes into a header, never into the address' });
    const { apikey } = request.headers;
    if (typeof apikey !== 'string' || apikey === '') throw new Fault('key.refused');

    const caller = this.keys.at(request, apikey) ?? (await this.keys.check(request, apikey));
    const { clientId, settings } = caller.client;
    if (!settings.features.shortLivedToken) throw this.keys.refusal(request, clientId, 'feature.off');
    if (!caller.scopes.includes(issuingScope)) throw this.keys.refusal(request, clientId, 'scope.missing');
    request.issuingKey = caller;
    return true;
  }
}

function isKeyName(name: string): boolean {
  return /^(x[-_]?)?api[-_]?key$/i.test(name);
}

/** The key `IssuingKeyGuard` let in. */
export const IssuingKey = createParamDecorator((_: unknown, context: ExecutionContext): KeyCaller => {
  const { issuingKey } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!issuingKey) throw new Error('a route that wants the key needs the IssuingKeyGuard');
  return issuingKey;
});
