import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { token } from '#contracts/token';
import { Public } from '../guards/access.guard.js';
import { SigningKeys } from '../guards/signing-keys.js';

@ApiTags('Keys')
@Controller('.well-known')
export class JwksController {
  constructor(private readonly keys: SigningKeys) {}

  @Get('jwks.json')
  @Public()
  @Header('cache-control', 'public, max-age=300')
  @ApiOperation({ summary: 'The public keys that verify our JWTs (RFC 7517)' })
  @ApiOkResponse({ standardSchema: token.keys.reply })
  read() {
    return this.keys.published();
  }
}
