import { Controller, Get, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiSecurity, ApiTags } from '@nestjs/swagger';
import type { KeyCaller } from '../guards/api-keys.js';
import { Manners } from '../http/manners.js';
import { Limited } from '../http/throttle.guard.js';
import { ClientCalling, ClientGuard } from './client.guard.js';
import { ApiMessages, clientTokenEnvelope } from './client-token.envelope.js';
import { ClientTokenFlow } from './client-token.flow.js';
import { type ClientCaller, clientCaller, issuedToken, type TokenQuery, tokenQuery } from './client-token.schema.js';
import { IssuingKey, IssuingKeyGuard } from './issuing-key.guard.js';

@ApiTags('001 Short-lived token')
@ApiMessages()
@Controller()
export class ClientTokenController {
  constructor(private readonly flow: ClientTokenFlow) {}

  @Get('api/clients/jwt/token')
  @Limited('client-token')
  @UseGuards(IssuingKeyGuard)
  @Manners({ mints: true, envelope: clientTokenEnvelope })
  @ApiSecurity('apikey')
  @ApiOperation({ summary: 'Mint a short-lived token for an SDK, with a private key (`tokens.issue`)' })
  @ApiOkResponse({ standardSchema: issuedToken })
  issue(@Query({ schema: tokenQuery }) query: TokenQuery, @IssuingKey() key: KeyCaller) {
    return this.flow.run(key, query);
  }

  @Get('v1/client')
  @UseGuards(ClientGuard)
  @Manners({ crossOrigin: { sends: ['apikey'] }, envelope: clientTokenEnvelope })
  @ApiBearerAuth('access')
  @ApiSecurity('apikey')
  @ApiOperation({ summary: 'Who an SDK is calling as, by short-lived token or public key' })
  @ApiOkResponse({ standardSchema: clientCaller })
  caller(@ClientCalling() caller: ClientCaller): ClientCaller {
    return caller;
  }
}
