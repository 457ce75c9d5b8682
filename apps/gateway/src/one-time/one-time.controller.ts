import { Controller, HttpCode, Post, Query, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags, ApiUnauthorizedResponse } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { token } from '#contracts/token';
import { Public } from '../guards/access.guard.js';
import { Bearer, BearerGuard, type BearerUser, byBearer } from '../guards/bearer.guard.js';
import { ClientSettings } from '../guards/client-settings.js';
import { clientNamedBy } from '../guards/credential.js';
import { Places } from '../guards/places.js';
import { Attempts } from '../http/attempts.js';
import { Manners } from '../http/manners.js';
import { Limited } from '../http/throttle.guard.js';
import { bareEnvelope, confirmationEnvelope } from './one-time.envelope.js';
import { confirmation, type Exchange, exchange, exchanged } from './one-time.schema.js';
import { OneTimeExchangeFlow } from './one-time-exchange.flow.js';

@ApiTags('004 One-time token')
@Controller('api/sys/users')
export class OneTimeController {
  constructor(
    private readonly bus: Bus,
    private readonly exchanges: OneTimeExchangeFlow,
    private readonly clients: ClientSettings,
    private readonly places: Places,
    private readonly attempts: Attempts,
  ) {}

  @Post('token/refresh')
  @HttpCode(200)
  @UseGuards(BearerGuard)
  @Limited('refresh', byBearer)
  @Manners({ takes: 'both', crossOrigin: true, envelope: confirmationEnvelope })
  @ApiBearerAuth('access')
  @ApiOperation({ summary: 'A one-time token of the session, for an address or an exchange' })
  @ApiOkResponse({ standardSchema: confirmation })
  @ApiUnauthorizedResponse({ description: 'no valid bearer; without a body' })
  async offer(@Bearer() bearer: BearerUser): Promise<z.output<typeof confirmation>> {
    const { clientId, subject: userId, sessionId: parentId, externalId, epoch = 0 } = bearer;
    const settings = await this.clients.find(clientId);
    if (!settings) throw new Fault('session.refused');
    const { secret } = await this.bus.ask(token.offer, {
      ...{ purpose: 'one-time', clientId, userId, parentId, epoch, ttlSeconds: settings.lifetimes.oneTime.token },
      ...(externalId !== undefined && { externalId }),
    });
    return { WasSuccessful: true, Value: secret, Status: 200, Message: null, Errors: null };
  }

  @Post('exchange')
  @HttpCode(200)
  @Public()
  @Limited('claim')
  @Manners({ takes: 'both', crossOrigin: true, envelope: bareEnvelope })
  @ApiOperation({ summary: 'Bearer tokens for a one-time token, which is spent' })
  @ApiOkResponse({ standardSchema: exchanged })
  @ApiUnauthorizedResponse({ description: 'no valid one-time token; without a body' })
  async exchange(
    @Query({ schema: exchange }) asked: Exchange,
    @Req() request: FastifyRequest,
  ): Promise<z.output<typeof exchanged>> {
    const clientId = clientNamedBy(asked.token);
    if (clientId) await this.places.admit(request, clientId);
    const { accessToken, refreshToken, expiresIn } = await this.exchanges.run(asked, this.attempts.of(request));
    return { token: accessToken, token_type: 'bearer', expires_in: expiresIn, refresh_token: refreshToken };
  }
}
