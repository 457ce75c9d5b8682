import { Body, Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import { ApiBasicAuth, ApiBearerAuth, ApiConsumes, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Manners } from '../http/manners.js';
import { IntrospectFlow, type Introspection, introspection } from './introspect.flow.js';
import { oauthEnvelope } from './oauth.envelope.js';
import { OauthClient, OauthClientGuard } from './oauth-client.guard.js';
import { RevokeFlow } from './revoke.flow.js';

/** Further parameters are ignored (RFC 6749 section 3.2); of what kind a token is, it says itself. */
const presented = z.object({ token: z.string().min(1), token_type_hint: z.string().optional() });
type Presented = z.output<typeof presented>;

/** What clients ask about their own tokens, by the standards of OAuth 2.0. */
@ApiTags('Session')
@ApiBearerAuth('key')
@ApiBasicAuth('basic-key')
@ApiConsumes('application/x-www-form-urlencoded')
@Controller('oauth2')
@UseGuards(OauthClientGuard)
export class OauthController {
  constructor(
    private readonly introspecting: IntrospectFlow,
    private readonly revoking: RevokeFlow,
  ) {}

  @Post('introspect')
  @HttpCode(200)
  @Manners({ takes: 'form', envelope: oauthEnvelope })
  @ApiOperation({ summary: 'What a token of the client is worth (RFC 7662)' })
  @ApiOkResponse({ standardSchema: introspection })
  introspect(
    @Body({ schema: presented }) { token }: Presented,
    @OauthClient() clientId: string,
  ): Promise<Introspection> {
    return this.introspecting.run(token, clientId);
  }

  @Post('revoke')
  @HttpCode(200)
  @Manners({ takes: 'form', envelope: oauthEnvelope })
  @ApiOperation({ summary: 'End the session an access or refresh token of the client is of (RFC 7009)' })
  @ApiOkResponse({ description: 'It is over, whether or not it was there' })
  revoke(@Body({ schema: presented }) { token }: Presented, @OauthClient() clientId: string): Promise<void> {
    return this.revoking.run(token, clientId);
  }
}
