import { All, Controller, Get } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { Fault } from '#contracts/fault';
import { Public } from '../guards/access.guard.js';
import { ApiCustomToken, CustomTokenManners } from './custom-token.manners.js';

/** What the family's programs may call besides. */
@ApiCustomToken()
@Controller('v1')
export class CustomTokenPingController {
  @Get('ping')
  @Public()
  @CustomTokenManners()
  @ApiOperation({ summary: 'Whether anybody is there' })
  @ApiOkResponse({ content: { 'text/plain': { schema: { type: 'string' } } } })
  ping(): string {
    return 'Pong!';
  }

  /** Their programs know many routes that are not here; each is told so in its own words. */
  @All(['users/*', 'account/*'])
  @Public()
  @CustomTokenManners()
  @ApiExcludeEndpoint()
  nothing(): never {
    throw new Fault('route.missing');
  }
}
