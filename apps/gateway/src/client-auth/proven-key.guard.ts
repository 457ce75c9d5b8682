import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import type { KeyCaller } from '../guards/api-keys.js';
import { ServerKeys } from '../guards/server-keys.js';
import { ThrottleGuard } from '../http/throttle.guard.js';
import { credentials } from './client-auth.schema.js';
import { presentedKey } from './presented-key.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The key `ProvenKeyGuard` let in. */
    provenKey?: KeyCaller;
  }
}

/**
 * Lets in a program by its private key. A key is counted by itself once it is proven, so that no stranger can use up its
 * limit; what is wrong counts for the address it comes from (002-4).
 */
@Injectable()
export class ProvenKeyGuard implements CanActivate {
  constructor(
    private readonly keys: ServerKeys,
    private readonly throttle: ThrottleGuard,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = await this.throttle.countRefusals('client-auth', context, () => {
      const given = credentials.safeParse(request.body);
      if (!given.success) throw new Fault('request.invalid', { detail: 'api_key, api_secret and scope are strings' });
      const key = presentedKey(request.headers['x-api-key'], given.data);
      return this.keys.at(request, key) ?? this.keys.check(request, key);
    });
    await this.throttle.count('client-auth', context, () => `key_${caller.keyId}`);
    request.provenKey = caller;
    return true;
  }
}

/** The key `ProvenKeyGuard` let in. No decorator of a parameter: Nest takes the value of such a one through its pipes. */
export function provenKeyOf({ provenKey }: FastifyRequest): KeyCaller {
  if (!provenKey) throw new Error('a route that wants the key needs the ProvenKeyGuard');
  return provenKey;
}
