import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { basicOf } from '../guards/basic.js';
import { bearerOf } from '../guards/bearer.js';
import { ServerKeys } from '../guards/server-keys.js';
import { ThrottleGuard } from '../http/throttle.guard.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The client `OauthClientGuard` let in. */
    oauthClientId?: string;
  }
}

/**
 * Lets in a client by a private key: `Authorization: Bearer`, or the password of `Basic` (RFC 6749 section 2.3.1). A key
 * that is proven is counted by itself, so that no stranger uses up its limit; a wrong one counts for its address.
 */
@Injectable()
export class OauthClientGuard implements CanActivate {
  constructor(
    private readonly keys: ServerKeys,
    private readonly throttle: ThrottleGuard,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { client, keyId } = await this.throttle.countRefusals('introspection', context, () => {
      const key = bearerOf(request) ?? basicOf(request)?.password ?? '';
      return this.keys.at(request, key) ?? this.keys.check(request, key);
    });
    await this.throttle.count('introspection', context, () => `key_${keyId}`);
    request.oauthClientId = client.clientId;
    return true;
  }
}

/** The client `OauthClientGuard` let in. */
export const OauthClient = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { oauthClientId } = context.switchToHttp().getRequest<FastifyRequest>();
  if (oauthClientId === undefined) throw new Error('a route that wants its client needs the OauthClientGuard');
  return oauthClientId;
});
