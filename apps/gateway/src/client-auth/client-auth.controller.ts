import { Body, Controller, Get, HttpCode, MethodNotAllowedException, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiSecurity, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Fault } from '#contracts/fault';
import { Public } from '../guards/access.guard.js';
import { isKey } from '../guards/bearer.guard.js';
import { ClientSettings } from '../guards/client-settings.js';
import { clientNamedBy } from '../guards/credential.js';
import { Jwts } from '../guards/jwts.js';
import { Places } from '../guards/places.js';
import { Attempts } from '../http/attempts.js';
import { Manners } from '../http/manners.js';
import { Limited } from '../http/throttle.guard.js';
import { isTrace } from '../http/trace.js';
import { ApiErrors, clientAuthEnvelope } from './client-auth.envelope.js';
import { ClientAuthFlow } from './client-auth.flow.js';
import {
  type Credentials,
  credentials,
  type Renewal,
  renewal,
  type Standing,
  standing,
  type Tokens,
  tokens,
} from './client-auth.schema.js';
import { ProvenKeyGuard, provenKeyOf } from './proven-key.guard.js';
import { ReauthenticateFlow } from './reauthenticate.flow.js';
import { byChain, isJwt, presentedToken } from './renewing.js';

@ApiTags('002 Client authentication')
@ApiErrors()
@Controller('v1/auth')
export class ClientAuthController {
  constructor(
    private readonly authenticating: ClientAuthFlow,
    private readonly reauthenticating: ReauthenticateFlow,
    private readonly jwts: Jwts,
    private readonly settings: ClientSettings,
    private readonly places: Places,
    private readonly attempts: Attempts,
  ) {}

  @Post()
  @HttpCode(200)
  @UseGuards(ProvenKeyGuard)
  @Manners({ envelope: clientAuthEnvelope })
  @ApiSecurity('x-api-key')
  @ApiOperation({ summary: 'Sign a program in with its private key' })
  @ApiOkResponse({ standardSchema: tokens })
  authenticate(
    @Body({ schema: credentials }) { scope = [] }: Credentials,
    @Req() request: FastifyRequest,
  ): Promise<Tokens> {
    return this.authenticating.run(provenKeyOf(request), scope, this.attempts.of(request));
  }

  @Get()
  @Public()
  @Limited('refresh', byChain)
  @Manners({ mints: true, envelope: clientAuthEnvelope })
  @ApiBearerAuth('refresh')
  @ApiBearerAuth('access')
  @ApiOperation({
    summary: 'With a refresh token the same as `POST /v1/auth/refresh`; with an access token, its standing',
  })
  @ApiOkResponse({ standardSchema: z.union([tokens, standing]) })
  async get(@Req() request: FastifyRequest): Promise<Tokens | Standing> {
    const token = presentedToken(request);
    return isJwt(token) ? this.standing(token, request) : this.renew(token, request);
  }

  /** `TRACE /v1/auth` comes here too. */
  @Post('refresh')
  @HttpCode(200)
  @Public()
  @Limited('refresh', byChain)
  @Manners({ envelope: clientAuthEnvelope })
  @ApiBearerAuth('refresh')
  @ApiOperation({ summary: 'Re-authenticate: the refresh token is spent, its successor comes with a new access token' })
  @ApiOkResponse({ standardSchema: tokens })
  async refresh(
    @Body({ schema: renewal }) _body: Renewal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Tokens> {
    const token = presentedToken(request);
    if (isTrace(request)) await this.allowTrace(token, reply);
    return this.renew(token, request);
  }

  private async renew(token: string, request: FastifyRequest): Promise<Tokens> {
    if (token.length > 256) throw new Fault('refresh.refused');
    // The token names its client itself; it is judged before the chain moves (state.md, "Credentials name themselves").
    const clientId = clientNamedBy(token);
    if (clientId) await this.places.admit(request, clientId);
    return this.reauthenticating.run(token, this.attempts.of(request));
  }

  private async standing(token: string, request: FastifyRequest): Promise<Standing> {
    const holder = await this.jwts.check(token, 'access');
    if (!holder || !isKey(holder.subject)) throw new Fault('token.refused');
    const { clientId, scopes, expiresAt } = holder;
    await this.places.admit(request, clientId);
    const left = Math.max(0, expiresAt - Math.floor(Date.now() / 1000));
    return { active: true, client_id: clientId, scope: scopes.join(' '), expires_in: left };
  }

  /** A client may have it switched off for itself. */
  private async allowTrace(token: string, reply: FastifyReply): Promise<void> {
    const settings = await this.settings.find(clientNamedBy(token) ?? '');
    if (settings?.features.trace !== false) return;
    reply.header('allow', 'GET, HEAD, POST');
    throw new MethodNotAllowedException();
  }
}
