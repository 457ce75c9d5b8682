import { Controller, Delete, Get, HttpCode, Res, UseGuards } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { identity, userView } from '#contracts/identity';
import { type SessionView, session, sessionView } from '#contracts/session';
import { ClientSettings } from '../guards/client-settings.js';
import { OwnPageGuard } from '../guards/own-page.guard.js';
import { Caller, SessionGuard } from '../guards/session.guard.js';
import { Manners } from '../http/manners.js';
import { ApiProblems } from '../http/problems.js';
import { SessionCookie } from '../http/session-cookie.js';

const signedIn = z.object({ session: sessionView, user: userView }).meta({ id: 'SignedIn' });

@ApiTags('Session')
@ApiCookieAuth('session')
@ApiBearerAuth('access')
@ApiProblems()
@Controller('v1/session')
export class SessionController {
  constructor(
    private readonly bus: Bus,
    private readonly cookie: SessionCookie,
    private readonly settings: ClientSettings,
  ) {}

  @Get()
  @Manners({ crossOrigin: true })
  @UseGuards(SessionGuard)
  @ApiOperation({ summary: 'Who is signed in, by session cookie or access token' })
  @ApiOkResponse({ standardSchema: signedIn })
  async read(@Caller() caller: SessionView): Promise<z.output<typeof signedIn>> {
    const known = await this.bus.ask(identity.get, { clientId: caller.clientId, userId: caller.subject });
    if (!known) throw new Fault('session.refused');
    return { session: caller, user: known.user };
  }

  @Delete()
  @HttpCode(204)
  @Manners({ crossOrigin: true })
  @UseGuards(OwnPageGuard, SessionGuard)
  @ApiOperation({ summary: 'Sign out' })
  @ApiNoContentResponse()
  async end(
    @Caller() { clientId, sessionId }: SessionView,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.bus.ask(session.close, { clientId, sessionId, reason: 'signed_out' });
    this.cookie.take(reply, await this.settings.isEmbedded(clientId));
  }
}
