import { Body, Controller, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Fault } from '#contracts/fault';
import { userView } from '#contracts/identity';
import { clientId } from '#contracts/ids';
import { sessionView } from '#contracts/session';
import { Public } from '../guards/access.guard.js';
import { Issuer } from '../guards/issuer.js';
import { Places } from '../guards/places.js';
import { Attempts } from '../http/attempts.js';
import { Manners } from '../http/manners.js';
import { ApiProblems } from '../http/problems.js';
import { foreignOrigin } from '../http/same-origin.js';
import { SessionCookie } from '../http/session-cookie.js';
import { Limited } from '../http/throttle.guard.js';
import { AnonymousFlow } from './anonymous.flow.js';

const newcomer = z.strictObject({ clientId });
const welcome = z
  .object({
    anonymousAccountId: z.string().describe('a secret of this browser: the claim that merges the account'),
    user: userView,
    session: sessionView,
  })
  .meta({ id: 'AnonymousAccount' });

@ApiTags('000 API Link')
@ApiProblems()
@Controller('v1/anonymous')
export class AnonymousController {
  constructor(
    private readonly flow: AnonymousFlow,
    private readonly cookie: SessionCookie,
    private readonly attempts: Attempts,
    private readonly issuer: Issuer,
    private readonly places: Places,
  ) {}

  @Post()
  @Public()
  @Limited('anonymous')
  @Manners({ crossOrigin: true })
  @ApiOperation({ summary: 'Begin as somebody who is not known yet' })
  @ApiCreatedResponse({ standardSchema: welcome, description: 'with the session cookie' })
  async begin(
    @Body({ schema: newcomer }) { clientId }: z.output<typeof newcomer>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof welcome>> {
    if (await this.places.isForeignHost(request, clientId)) throw new Fault('origin.refused');
    const { anonymousAccountId, user, session, cookie, embedded } = await this.flow.run({
      clientId,
      origin: foreignOrigin(request.headers, this.issuer.url),
      presented: this.cookie.read(request),
      attempt: this.attempts.of(request),
    });
    this.cookie.give(reply, cookie, session.expiresAt, embedded);
    return { anonymousAccountId, user, session };
  }
}
