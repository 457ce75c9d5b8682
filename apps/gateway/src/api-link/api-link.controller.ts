import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../guards/access.guard.js';
import { Attempts } from '../http/attempts.js';
import { Manners } from '../http/manners.js';
import { isForEyes } from '../http/page.js';
import { SessionCookie } from '../http/session-cookie.js';
import { Limited } from '../http/throttle.guard.js';
import { ApiLinkFlow } from './api-link.flow.js';
import { type ApiLink, apiLink, refusedLink } from './api-link.schema.js';
import { LoginPage, refusalOf } from './refused-link.js';

@ApiTags('000 API Link')
@Controller('api/link')
export class ApiLinkController {
  constructor(
    private readonly flow: ApiLinkFlow,
    private readonly loginPage: LoginPage,
    private readonly cookie: SessionCookie,
    private readonly attempts: Attempts,
  ) {}

  @Get()
  @Public()
  @Limited('link')
  @Manners({ changesState: true })
  @ApiOperation({ summary: 'Sign in by a link the client’s backend has signed' })
  @ApiResponse({
    status: 303,
    description: 'to the landing with a session cookie, or to the login page with `error` and `support`',
  })
  @ApiResponse({
    status: 401,
    standardSchema: refusedLink,
    description: 'the link was refused, and nobody looks at a page',
  })
  async follow(@Query({ schema: apiLink }) link: ApiLink, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const attempt = this.attempts.of(request);
    try {
      const { location, opened } = await this.flow.run(link, attempt, this.cookie.read(request));
      const { outcome, session, credential } = opened;
      if (outcome === 'opened') this.cookie.give(reply, credential, session.expiresAt, Date.now());
      reply.redirect(location, 303);
    } catch (error) {
      const refusal = refusalOf(error, attempt.support);
      if (!refusal) throw error;
      reply.header('vary', 'Accept');
      if (isForEyes(request.headers.accept)) reply.redirect(await this.loginPage.of(link.clientId, refusal), 303);
      else reply.code(401).send(refusal);
    }
  }
}
