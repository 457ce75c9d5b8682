import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { ApiKeys, type KeyCaller } from '../guards/api-keys.js';
import { basicOf } from '../guards/basic.js';
import { bearerOf } from '../guards/bearer.js';
import { Places } from '../guards/places.js';
import { refuseBrowser } from '../guards/server-key.js';
import { Attempts } from '../http/attempts.js';
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
    private readonly keys: ApiKeys,
    private readonly places: Places,
    private readonly attempts: Attempts,
    private readonly throttle: ThrottleGuard,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const key = await this.#keyOf(request).catch(async (error: unknown) => {
      if (error instanceof Fault && error.entry.kind !== 'unavailable')
        await this.throttle.count('introspection', context);
      throw error;
    });
    const { clientId } = key.client;
    await this.throttle.count('introspection', context, () => `key_${key.keyId}`);
    await this.places.admit(request, clientId);
    request.oauthClientId = clientId;
    return true;
  }

  async #keyOf(request: FastifyRequest): Promise<KeyCaller> {
    refuseBrowser(request);
    const text = bearerOf(request) ?? basicOf(request)?.password ?? '';
    const key = await this.keys.check(text.slice(0, 512), this.attempts.of(request));
    if (key.kind !== 'private') throw new Fault('key.refused');
    return key;
  }
}

/** The client `OauthClientGuard` let in. */
export const OauthClient = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { oauthClientId } = context.switchToHttp().getRequest<FastifyRequest>();
  if (oauthClientId === undefined) throw new Error('a route that wants its client needs the OauthClientGuard');
  return oauthClientId;
});
