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

/** Lets in the grants there are: passwords are counted by the address they come from, refresh tokens by their chain. */
@Injectable()
export class GrantGuard implements CanActivate {
  constructor(private readonly throttle: ThrottleGuard) {}

  canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (!isForm(request)) throw new Fault('grant.unsupported');
    const { grant_type: type } = fieldsOf(request);
    if (!type) throw new Fault('request.invalid', { detail: 'grant_type is missing' });
    if (type === 'password') return this.throttle.count('password', context);
    if (type === 'refresh_token') return this.throttle.count('refresh', context, byChain);
    throw new Fault('grant.unsupported');
  }
}
