import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { metrics } from '#metrics/metrics';
import { sha256Text } from '#secrets/digest';
import { Addresses } from './address.js';
import { Denials } from './denials.js';
import type { LimitName, LimitPolicy } from './limits.js';
import { RateWindows } from './rate-windows.js';

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

type Handler = Parameters<Reflector['get']>[1];

/** The name of the limit a handler counts towards. */
export function limitOf(reflector: Reflector, handler: Handler): LimitName | undefined {
  return reflector.get<LimitMark | undefined>(mark, handler)?.name;
}

/** Limits per network address, or what else a route counts by, with the fields of draft-ietf-httpapi-ratelimit-headers-10 (S-101). */
@Injectable()
export class ThrottleGuard implements CanActivate {
  /** What is told of a limit is the same for every request. */
  private readonly told: ReadonlyMap<string, string>;
  /** What a handler says of itself does not change; to ask its metadata takes a walk through a chain of maps. */
  private readonly marks = new Map<Handler, LimitMark | null>();

  constructor(
    private readonly windows: RateWindows,
    private readonly reflector: Reflector,
    private readonly addresses: Addresses,
    private readonly denials: Denials,
  ) {
    this.told = new Map(Object.entries(windows.limits).map(([name, policy]) => [name, toldOf(name, policy)]));
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const handler = context.getHandler();
    const known = this.marks.get(handler);
    const limited = known === undefined ? this.learn(handler) : known;
    return limited === null || this.count(limited.name, context, limited.by);
  }

  private learn(handler: Handler): LimitMark | null {
    const limited = this.reflector.get<LimitMark | undefined>(mark, handler) ?? null;
    this.marks.set(handler, limited);
    return limited;
  }

  /** Counts a request towards a limit. @throws Fault `limit.exceeded`, `service.unavailable` */
  async count(name: LimitName, context: ExecutionContext, by?: CountedBy): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const address = this.addresses.hash(request);
    const who = by ? sha256Text(by(request, address)).slice(0, 22) : address;
    const { hits, endsInMs } = await this.windows.count(name, who);

    const limit = this.windows.limits[name].most;
    const remaining = Math.max(limit - hits, 0);
    const resetsInSeconds = Math.ceil(endsInMs / 1000);
    reply.header('ratelimit-policy', this.told.get(name));
    reply.header('ratelimit', `"${name}";r=${remaining};t=${resetsInSeconds}`);
    request.counted = { limit, remaining, resetsInSeconds };
    if (hits <= limit) return true;
    reply.header('retry-after', Math.max(resetsInSeconds, 1));
    metrics.limitRefusals.of({ limit: name }).add();
    this.denials.note({ clientId: '_', route: routeOf(request), reason: 'limit.exceeded', address });
    throw new Fault('limit.exceeded');
  }

  /** Counts for its address what `prove` refuses. That a dependency is down says nothing of who asks. */
  async countRefusals<Proof>(
    name: LimitName,
    context: ExecutionContext,
    prove: () => Proof | Promise<Proof>,
  ): Promise<Proof> {
    try {
      return await prove();
    } catch (error) {
      if (error instanceof Fault && error.entry.kind !== 'unavailable') await this.count(name, context);
      throw error;
    }
  }
}

function toldOf(name: string, { most, windowMs }: LimitPolicy): string {
  return `"${name}";q=${most};w=${Math.ceil(windowMs / 1000)}`;
}

/** A route as facts name it, e.g. `GET /api/link`. */
export function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'unknown'}`;
}
