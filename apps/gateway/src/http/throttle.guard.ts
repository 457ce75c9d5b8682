import { type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  InjectThrottlerOptions,
  InjectThrottlerStorage,
  ThrottlerGuard,
  type ThrottlerModuleOptions,
  type ThrottlerRequest,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { Addresses } from './address.js';
import { Denials } from './denials.js';
import type { LimitName } from './limits.js';

const mark = 'limit';

/** The limit a route counts towards. It is bound to the handler, so no spelling of the path escapes it (S-97). */
export const Limited = (name: LimitName) => SetMetadata(mark, name);

/** Limits per network address, with the fields of draft-ietf-httpapi-ratelimit-headers-10 (S-101). */
@Injectable()
export class ThrottleGuard extends ThrottlerGuard {
  constructor(
    @InjectThrottlerOptions() options: ThrottlerModuleOptions,
    @InjectThrottlerStorage() windows: ThrottlerStorage,
    reflector: Reflector,
    private readonly addresses: Addresses,
    private readonly denials: Denials,
  ) {
    super(options, windows, reflector);
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const name = this.reflector.get<LimitName | undefined>(mark, context.getHandler());
    return name === undefined || this.count(name, context);
  }

  /** Counts a request towards a limit. @throws Fault `limit.exceeded`, `service.unavailable` */
  async count(name: LimitName, context: ExecutionContext): Promise<boolean> {
    const throttler = this.throttlers.find((each) => each.name === name);
    if (!throttler) throw new Error(`there is no limit ${name}`);
    const { limit, ttl } = { limit: Number(throttler.limit), ttl: Number(throttler.ttl) };
    const [getTracker, generateKey] = [() => '', () => ''];
    return this.handleRequest({ context, throttler, limit, ttl, blockDuration: ttl, getTracker, generateKey });
  }

  protected override async handleRequest({ context, throttler, limit, ttl }: ThrottlerRequest): Promise<boolean> {
    const name = throttler.name ?? '';
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const address = this.addresses.hash(request);

    const key = `segue:limit:${name}:${address}`;
    const { totalHits, timeToExpire, isBlocked } = await this.storageService.increment(key, ttl, limit, ttl, name);

    reply.header('ratelimit-policy', `"${name}";q=${limit};w=${Math.ceil(ttl / 1000)}`);
    reply.header('ratelimit', `"${name}";r=${Math.max(limit - totalHits, 0)};t=${timeToExpire}`);
    if (!isBlocked) return true;
    reply.header('retry-after', Math.max(timeToExpire, 1));
    this.denials.note({ clientId: '_', route: routeOf(request), reason: 'limit.exceeded', address });
    throw new Fault('limit.exceeded');
  }
}

/** A route as facts name it, e.g. `GET /api/link`. */
export function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'unknown'}`;
}
