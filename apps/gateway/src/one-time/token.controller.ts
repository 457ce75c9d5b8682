import { Body, Controller, HttpCode, Post, Req, UseGuards } from '@nestjs/common';
import { ApiConsumes, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Fault } from '#contracts/fault';
import { Chains } from '../guards/chains.js';
import { clientNamedBy, isRefreshToken } from '../guards/credential.js';
import { Places } from '../guards/places.js';
import { Attempts } from '../http/attempts.js';
import type { Pair } from '../http/bearer-pair.js';
import { Manners } from '../http/manners.js';
import { appNamedBy } from './app-id.js';
import { GrantGuard } from './grant.guard.js';
import { grantEnvelope } from './one-time.envelope.js';
import { type Grant, grant, granted, type PasswordGrant, type RefreshGrant } from './one-time.schema.js';
import { PasswordFlow } from './password.flow.js';

@ApiTags('004 One-time token')
@Controller('api/token')
export class TokenController {
  constructor(
    private readonly passwords: PasswordFlow,
    private readonly chains: Chains,
    private readonly places: Places,
    private readonly attempts: Attempts,
  ) {}

  @Post()
  @HttpCode(200)
  @UseGuards(GrantGuard)
  @Manners({ takes: 'both', crossOrigin: { sends: ['client_id', 'x-client-id'] }, envelope: grantEnvelope })
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiHeader({ name: 'client_id', required: false, description: 'the app the refresh token is bound to' })
  @ApiHeader({ name: 'X-Client-Id', required: false, description: 'the client, where its host does not tell' })
  @ApiOperation({ summary: 'Bearer tokens for an e-mail and password, or for a refresh token (RFC 6749)' })
  @ApiOkResponse({ standardSchema: granted })
  async grant(@Body({ schema: grant }) form: Grant, @Req() request: FastifyRequest): Promise<z.output<typeof granted>> {
    const pair = form.grant_type === 'password' ? await this.begin(form, request) : await this.goOn(form, request);
    const { accessToken, refreshToken, expiresIn } = pair;
    return { access_token: accessToken, token_type: 'bearer', expires_in: expiresIn, refresh_token: refreshToken };
  }

  private async begin(form: PasswordGrant, request: FastifyRequest): Promise<Pair> {
    const clientId = await this.places.clientAt(request);
    if (clientId === null) throw new Fault('request.invalid', { detail: 'which client? Name it by X-Client-Id' });
    await this.places.admit(request, clientId);
    const app = appNamedBy(request, form.client_id);
    return this.passwords.run(form, { clientId, app, attempt: this.attempts.of(request) });
  }

  private async goOn({ refresh_token, client_id }: RefreshGrant, request: FastifyRequest): Promise<Pair> {
    // The token names its client itself; it is judged before the chain moves (state.md, "Credentials name themselves").
    const clientId = clientNamedBy(refresh_token);
    if (!isRefreshToken(refresh_token) || clientId === undefined) throw new Fault('refresh.refused');
    await this.places.admit(request, clientId);
    const app = appNamedBy(request, client_id);
    const asked = { refreshToken: refresh_token, protocols: ['one-time' as const], ...(app !== undefined && { app }) };
    return this.chains.renew(
      { ...asked, attempt: this.attempts.of(request) },
      ({ lifetimes }) => lifetimes.oneTime.access,
    );
  }
}
