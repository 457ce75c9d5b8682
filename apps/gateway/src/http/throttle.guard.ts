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
import { metrics } from '#metrics/metrics';
import { sha256 } from '#secrets/digest';
import { Addresses } from './address.js';
import { Denials } from './denials.js';
import type { LimitName } from './limits.js';

const mark = 'limit';

/** What a request is counted under instead of its address alone; nothing of it is kept as it is. */
export type CountedBy = (request: FastifyRequest, address: string) => string;

interface LimitMark {
  readonly name: LimitName;
  readonly by?: CountedBy | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** How far the limit of the route is used up. */
    counted?: { readonly limit: number; readonly remaining: number; readonly resetsInSeconds: number };
  }
}

/** The limit a route counts towards. It is bound to the handler, so no spelling of the path escapes it (S-97). */
export const Limited = (name: LimitName, by?: CountedBy) => SetMetadata<string, LimitMark>(mark, { name, by });

/** The name of the limit a handler counts towards. */
export function limitOf(reflector: Reflector, handler: Parameters<Reflector['get']>[1]): LimitName | undefined {
  return reflector.get<LimitMark | undefined>(mark, handler)?.name;
}

/** Limits per network address, or what else a route counts by, with the fields of draft-ietf-httpapi-ratelimit-headers-10 (S-101). */
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
    const limited = this.reflector.get<LimitMark | undefined>(mark, context.getHandler());
    return limited === undefined || this.count(limited.name, context, limited.by);
  }

  /** Counts a request towards a limit. @throws Fault `limit.exceeded`, `service.unavailable` */
  async count(name: LimitName, context: ExecutionContext, by?: CountedBy): Promise<boolean> {
    const throttler = this.throttlers.find((each) => each.name === name);
    if (!throttler) throw new Error(`there is no limit ${name}`);
    const { limit, ttl } = { limit: Number(throttler.limit), ttl: Number(throttler.ttl) };
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const address = this.addresses.hash(request);
    const who = by ? sha256(by(request, address)).toString('base64url').slice(0, 22) : address;
    const [getTracker, generateKey] = [() => who, () => `segue:limit:${name}:${who}`];
    return this.handleRequest({ context, throttler, limit, ttl, blockDuration: ttl, getTracker, generateKey });
  }

  /** Counts for its address what `prove` refuses. That a dependency is down says nothing of who asks. */
  async countRefusals<Proof>(name: LimitName, context: ExecutionContext, prove: () => Promise<Proof>): Promise<Proof> {
    try {
      return await prove();
    } catch (error) {
      if (error instanceof Fault && error.entry.kind !== 'unavailable') await this.count(name, context);
      throw error;
    }
  }

  protected override async handleRequest({
    context,
    throttler,
    limit,
    ttl,
    generateKey,
  }: ThrottlerRequest): Promise<boolean> {
    const name = throttler.name ?? '';
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const key = generateKey(context, '', name);
    const { totalHits, timeToExpire, isBlocked } = await this.storageService.increment(key, ttl, limit, ttl, name);

    reply.header('ratelimit-policy', `"${name}";q=${limit};w=${Math.ceil(ttl / 1000)}`);
    const remaining = Math.max(limit - totalHits, 0);
    reply.header('ratelimit', `"${name}";r=${remaining};t=${timeToExpire}`);
    request.counted = { limit, remaining, resetsInSeconds: timeToExpire };
    if (!isBlocked) return true;
    reply.header('retry-after', Math.max(timeToExpire, 1));
    metrics.limitRefusals.of({ limit: name }).add();
    const address = this.addresses.hash(request);
    this.denials.note({ clientId: '_', route: routeOf(request), reason: 'limit.exceeded', address });
    throw new Fault('limit.exceeded');
  }
}

/** A route as facts name it, e.g. `GET /api/link`. */
export function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'unknown'}`;
}
