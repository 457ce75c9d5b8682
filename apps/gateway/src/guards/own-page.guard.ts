import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { isOwnPage } from '../http/same-origin.js';
import { Issuer } from './issuer.js';

/** Refuses what another site has a browser do with the cookie it holds; a bearer token no site can make it send. */
@Injectable()
export class OwnPageGuard implements CanActivate {
  constructor(private readonly issuer: Issuer) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    return headers.authorization !== undefined || isOwnPage(headers, this.issuer.url);
  }
}
