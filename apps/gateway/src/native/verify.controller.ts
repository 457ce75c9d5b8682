import { Controller, Get, HttpCode, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth, ApiNoContentResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { isKey } from '../guards/bearer.guard.js';
import { CallerGuard, Calling } from '../guards/caller.guard.js';
import type { SignedIn } from '../guards/current-session.js';
import { ApiProblems } from '../http/problems.js';

export const forwardAuth = 'v1/verify';

/** For a proxy that asks before it lets a request through (forward-auth). */
@ApiTags('Session')
@ApiCookieAuth('session')
@ApiBearerAuth('access')
@ApiProblems()
@Controller(forwardAuth)
export class VerifyController {
  @Get()
  @HttpCode(204)
  @UseGuards(CallerGuard)
  @ApiOperation({ summary: 'Whether a request may pass, and who makes it, for a proxy in front of another service' })
  @ApiNoContentResponse({ description: 'Headers `X-Client-Id`, `X-Scopes`, and `X-User-Id` or `X-Key-Id`' })
  verify(@Calling() caller: SignedIn, @Res({ passthrough: true }) reply: FastifyReply): void {
    tell(reply, caller);
  }
}

/** Says who a request is of, in the fields a proxy passes on. */
export function tell(reply: FastifyReply, { clientId, subject, scopes }: SignedIn): FastifyReply {
  // Nobody's user: a service that goes by `X-User-Id` must not take a key for one.
  if (isKey(subject)) reply.header('x-key-id', subject.slice('key_'.length));
  else reply.header('x-user-id', subject);
  return reply.header('x-client-id', clientId).header('x-scopes', scopes.join(' '));
}
