import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { chainNamedBy } from '../guards/credential.js';
import { isForm } from '../http/bodies.js';
import { type CountedBy, ThrottleGuard } from '../http/throttle.guard.js';

const fieldsOf = ({ body }: FastifyRequest): Readonly<Record<string, unknown>> => (isRecord(body) ? body : {});
const isRecord = (body: unknown): body is Record<string, unknown> => typeof body === 'object' && body !== null;

const byChain: CountedBy = (request, address) => {
  const { refresh_token: token } = fieldsOf(request);
  return typeof token === 'string' ? chainNamedBy(token) : address;
};

/**
 * Lets in the grants there are. A refresh token is counted by its chain; whatever else comes, counts as a password does,
 * by the address it comes from.
 */
@Injectable()
export class GrantGuard implements CanActivate {
  constructor(private readonly throttle: ThrottleGuard) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { grant_type: type } = isForm(request) ? fieldsOf(request) : {};
    if (type === 'refresh_token') return this.throttle.count('refresh', context, byChain);
    await this.throttle.count('password', context);
    if (type === 'password') return true;
    throw isForm(request) && !type
      ? new Fault('request.invalid', { detail: 'grant_type is missing' })
      : new Fault('grant.unsupported');
  }
}
