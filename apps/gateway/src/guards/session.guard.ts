import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import type { SessionView } from '#contracts/session';
import { CurrentSession } from './current-session.js';
import { Places } from './places.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is calling, as a guard has found. */
    caller?: SessionView;
  }
}

/** Lets in who is signed in: `request.caller` is their session. */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(
    private readonly sessions: CurrentSession,
    private readonly places: Places,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const session = await this.sessions.find(request);
    if (!session) throw new Fault('session.refused');
    await this.places.admit(request, session.clientId);
    request.caller = session;
    return true;
  }
}

/** The session `SessionGuard` found. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): SessionView => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!caller) throw new Error('a route that wants a caller needs the SessionGuard');
  return caller;
});
