import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { equalInConstantTime, sha256 } from '#secrets/digest';
import { Addresses } from '../http/address.js';
import { Denials } from '../http/denials.js';
import { routeOf, ThrottleGuard } from '../http/throttle.guard.js';
import { bearerOf } from './bearer.js';

/** The SHA-256 of `ADMIN_KEY`; the key itself need not be kept. */
export class AdminKeyDigest {
  constructor(readonly digest: Buffer) {}
}

/** Lets the bearer of the admin key in. Only wrong keys count, so a flood of them never locks the right one out. */
@Injectable()
export class AdminGuard implements CanActivate {
  constructor(
    private readonly key: AdminKeyDigest,
    private readonly throttle: ThrottleGuard,
    private readonly addresses: Addresses,
    private readonly denials: Denials,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (equalInConstantTime(sha256(bearerOf(request) ?? ''), this.key.digest)) return true;

    await this.throttle.count('admin', context);
    const address = this.addresses.hash(request);
    this.denials.note({ clientId: '_', route: routeOf(request), reason: 'admin.refused', address });
    throw new Fault('admin.refused');
  }
}
