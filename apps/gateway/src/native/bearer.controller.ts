import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { userView } from '#contracts/identity';
import { Public } from '../guards/access.guard.js';
import { Chains } from '../guards/chains.js';
import { chainNamedBy, clientNamedBy } from '../guards/credential.js';
import { Places } from '../guards/places.js';
import { Attempts } from '../http/attempts.js';
import { Manners } from '../http/manners.js';
import { ApiProblems } from '../http/problems.js';
import { type CountedBy, Limited } from '../http/throttle.guard.js';
import { ClaimFlow } from './claim.flow.js';
import { Claimants } from './claimants.js';

const landed = z.strictObject({ code: z.string().max(256).describe('the `code` of the landing') });
const renewed = z.strictObject({ refreshToken: z.string().max(256) });
const pair = z
  .object({
    accessToken: z.string(),
    refreshToken: z.string(),
    expiresIn: z.int().describe('seconds until the access token ends'),
    user: userView,
  })
  .meta({ id: 'TokenPair' });

const byChain: CountedBy = ({ body }, address) => {
  const { refreshToken } = renewed.safeParse(body).data ?? {};
  return refreshToken === undefined ? address : chainNamedBy(refreshToken);
};

/** Sessions of programs that cannot carry our cookie. */
@ApiTags('Session')
@ApiProblems()
@Controller('v1/session')
export class BearerController {
  constructor(
    private readonly claims: ClaimFlow,
    private readonly chains: Chains,
    private readonly claimants: Claimants,
    private readonly places: Places,
    private readonly attempts: Attempts,
  ) {}

  @Post('claim')
  @HttpCode(200)
  @Public()
  @Limited('claim')
  @Manners({ crossOrigin: true })
  @ApiBearerAuth('key')
  @ApiOperation({
    summary: 'Take the session of a landing: from its own page, or with a private key (`sessions.write`)',
  })
  @ApiOkResponse({ standardSchema: pair })
  async claim(@Body({ schema: landed }) { code }: z.output<typeof landed>, @Req() request: FastifyRequest) {
    const attempt = this.attempts.of(request);
    return this.claims.run(code, await this.claimants.of(request, code, attempt), attempt);
  }

  @Post('refresh')
  @HttpCode(200)
  @Public()
  @Limited('refresh', byChain)
  @Manners({ crossOrigin: true })
  @ApiOperation({ summary: 'Rotate: the refresh token is spent, its successor comes with a new access token' })
  @ApiOkResponse({ standardSchema: pair })
  async refresh(@Body({ schema: renewed }) { refreshToken }: z.output<typeof renewed>, @Req() request: FastifyRequest) {
    // The token names its client itself; it is judged before the chain moves (state.md, "Credentials name themselves").
    const clientId = clientNamedBy(refreshToken);
    if (clientId) await this.places.admit(request, clientId);
    return this.chains.renew(
      { refreshToken, protocols: ['claim'], attempt: this.attempts.of(request) },
      ({ lifetimes }) => lifetimes.apiLink.access,
    );
  }
}
