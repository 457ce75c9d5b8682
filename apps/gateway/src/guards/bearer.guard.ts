import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import type { CountedBy } from '../http/throttle.guard.js';
import { bearerOf } from './bearer.js';
import type { Holder } from './holder.js';
import { Jwts } from './jwts.js';
import { Places } from './places.js';

/** A user with an access token: what it says of them, and of the session it is of. */
export type BearerUser = Holder & { readonly sessionId: string };

declare module 'fastify' {
  interface FastifyRequest {
    /** Whom `BearerGuard` let in. */
    bearer?: BearerUser;
  }
}

/** Lets in a user by access token alone: a cookie, which any site can have a browser send, is not looked at. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    private readonly jwts: Jwts,
    private readonly places: Places,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const holder = await this.jwts.check(bearerOf(request) ?? '', 'access');
    if (holder?.sessionId === undefined || isKey(holder.subject)) throw new Fault('session.refused');
    await this.places.admit(request, holder.clientId);
    request.bearer = { ...holder, sessionId: holder.sessionId };
    return true;
  }
}

/** What is made for an access token counts for it alone; who has none counts by address. */
export const byBearer: CountedBy = (request, address) => bearerOf(request) ?? address;

/** Whether a subject is an API key (protocol 002), and so nobody's user. */
export function isKey(subject: string): boolean {
  return subject.startsWith('key_');
}

/** Whom `BearerGuard` let in. */
export const Bearer = createParamDecorator((_: unknown, context: ExecutionContext): BearerUser => {
  const { bearer } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!bearer) throw new Error('a route that wants a bearer needs the BearerGuard');
  return bearer;
});
