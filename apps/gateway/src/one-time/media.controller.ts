import { randomUUID } from 'node:crypto';
import { Controller, Get, HttpCode, Query, Req, Res, UseGuards } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { token } from '#contracts/token';
import { Public } from '../guards/access.guard.js';
import { Bearer, BearerGuard, type BearerUser, byBearer } from '../guards/bearer.guard.js';
import { Jwts } from '../guards/jwts.js';
import { Places } from '../guards/places.js';
import { Manners } from '../http/manners.js';
import { Limited } from '../http/throttle.guard.js';
import { bareEnvelope } from './one-time.envelope.js';

/** How long a media token lives at the most, in seconds. */
const longestSeconds = 900;

const ticket = z.object({ jwt: z.string().describe('the `t` of a media URL') }).meta({ id: 'MediaToken' });
const presented = z.object({ t: z.string().default('').describe('a media token') });

/** For addresses of files, where no header can stand: a token that opens nothing else, and may be used more than once. */
@ApiTags('004 One-time token')
@Controller()
export class MediaController {
  constructor(
    private readonly bus: Bus,
    private readonly jwts: Jwts,
    private readonly places: Places,
  ) {}

  @Get('api/auth/media/customer')
  @UseGuards(BearerGuard)
  @Limited('refresh', byBearer)
  @Manners({ mints: true, crossOrigin: true, envelope: bareEnvelope })
  @ApiBearerAuth('access')
  @ApiOperation({ summary: 'A token for addresses of media' })
  @ApiOkResponse({ standardSchema: ticket })
  @ApiUnauthorizedResponse({ description: 'no valid bearer; without a body' })
  async issue(@Bearer() bearer: BearerUser): Promise<z.output<typeof ticket>> {
    const { clientId, subject, sessionId, externalId, epoch, authTime, expiresAt } = bearer;
    const left = Math.max(1, Math.floor(expiresAt - Date.now() / 1000));
    const { token: jwt } = await this.bus.ask(token.sign, {
      ...({ kind: 'media', jti: randomUUID(), clientId, subject, sessionId, scopes: [] } as const),
      ...(externalId !== undefined && { externalId }),
      ...(epoch !== undefined && { epoch }),
      ...(authTime !== undefined && { authTime }),
      ttlSeconds: Math.min(longestSeconds, left),
    });
    return { jwt };
  }

  @Get('v1/media/verify')
  @HttpCode(204)
  @Public()
  @ApiOperation({ summary: 'Whether a media token is good, for a file server that asks before it serves' })
  @ApiNoContentResponse({ description: 'Headers `X-User-Id` and `X-Client-Id`' })
  @ApiUnauthorizedResponse()
  async verify(
    @Query({ schema: presented }) { t }: z.output<typeof presented>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const holder = await this.jwts.check(t, 'media');
    if (!holder) throw new Fault('session.refused');
    await this.places.admit(request, holder.clientId);
    reply.header('x-user-id', holder.subject).header('x-client-id', holder.clientId);
  }
}
