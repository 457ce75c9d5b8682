import { Controller, Get, HttpCode, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth, ApiNoContentResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CallerGuard, Calling } from '../guards/caller.guard.js';
import type { SignedIn } from '../guards/current-session.js';
import { ApiProblems } from '../http/problems.js';

/** For a proxy that asks before it lets a request through (forward-auth). */
@ApiTags('Session')
@ApiCookieAuth('session')
@ApiBearerAuth('access')
@ApiProblems()
@Controller('v1/verify')
export class VerifyController {
  @Get()
  @HttpCode(204)
  @UseGuards(CallerGuard)
  @ApiOperation({ summary: 'Whether a request may pass, and who makes it, for a proxy in front of another service' })
  @ApiNoContentResponse({ description: 'Headers `X-User-Id`, `X-Client-Id`, `X-Scopes`' })
  verify(@Calling() { clientId, subject, scopes }: SignedIn, @Res({ passthrough: true }) reply: FastifyReply): void {
    reply.header('x-user-id', subject).header('x-client-id', clientId).header('x-scopes', scopes.join(' '));
  }
}
