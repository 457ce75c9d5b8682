import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { CurrentSession, type SignedIn } from './current-session.js';
import { Places } from './places.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is calling, as `CallerGuard` has found. */
    signedIn?: SignedIn;
  }
}

/** Lets in who is signed in, by an access token mostly without asking anybody; `SessionGuard` brings the whole session. */
@Injectable()
export class CallerGuard implements CanActivate {
  constructor(
    private readonly sessions: CurrentSession,
    private readonly places: Places,
  ) {}

  /** Whom the guard would let in without awaiting anything; `null` says nothing: ask the guard. */
  at(request: FastifyRequest): SignedIn | null {
    const caller = this.sessions.callerAt(request);
    return caller && this.places.admits(request, caller.clientId) ? caller : null;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = await this.sessions.caller(request);
    if (!caller) throw new Fault('session.refused');
    await this.places.admit(request, caller.clientId);
    request.signedIn = caller;
    return true;
  }
}

/** Whom `CallerGuard` let in. */
export const Calling = createParamDecorator((_: unknown, context: ExecutionContext): SignedIn => {
  const { signedIn } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!signedIn) throw new Error('a route that wants to know who is calling needs the CallerGuard');
  return signedIn;
});
