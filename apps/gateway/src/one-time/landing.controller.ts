import { Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { Public } from '../guards/access.guard.js';
import { clientNamedBy } from '../guards/credential.js';
import { refusedLink } from '../guards/login-page.js';
import { Reception } from '../guards/reception.js';
import { Addresses } from '../http/address.js';
import { Denials } from '../http/denials.js';
import { Manners } from '../http/manners.js';
import { isOwnButton } from '../http/same-origin.js';
import { signInPage } from '../http/sign-in-page.js';
import { Limited, routeOf } from '../http/throttle.guard.js';
import { type Arrival, LandFlow } from './land.flow.js';
import { type LandingForm, type LandingQuery, landingForm, landingQuery } from './one-time.schema.js';

const landed = {
  status: 303,
  description: 'to the landing with a session cookie, or to the login page with `error` and `support`',
};
const page = { status: 200, description: 'without `t` a plain sign-in page, else one that asks whether to go on' };
const refused = { status: 401, standardSchema: refusedLink, description: 'refused, and nobody looks at a page' };

@ApiTags('004 One-time token')
@Controller()
export class LandingController {
  constructor(
    private readonly flow: LandFlow,
    private readonly reception: Reception,
    private readonly denials: Denials,
    private readonly addresses: Addresses,
  ) {}

  @Get(['login', 'user/login'])
  @Public()
  @Limited('link')
  @Manners({ changesState: true, embeddable: true })
  @ApiOperation({ summary: 'Sign a browser in by a one-time token in the address' })
  @ApiResponse(landed)
  @ApiResponse(page)
  @ApiResponse(refused)
  async open(
    @Query({ schema: landingQuery }) { t: secret, redirectUrl, error, support }: LandingQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (secret) return this.receive({ secret, redirectUrl, said: 'nothing' }, request, reply);
    reply.type('text/html; charset=utf-8').send(signInPage({ error, support }));
  }

  /** No other site may press it: a form of another site carries no Lax cookie, so who is signed in would not be seen. */
  @Post('login')
  @Public()
  @Limited('link')
  @Manners({ changesState: true, embeddable: true, takes: 'form' })
  @ApiOperation({ summary: 'The button of our own pages' })
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiResponse(landed)
  @ApiResponse(refused)
  async press(
    @Body({ schema: landingForm }) { t: secret, redirectUrl, confirmed }: LandingForm,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (!isOwnButton(request.headers)) throw new Fault('origin.refused');
    return this.receive({ secret, redirectUrl, said: confirmed ?? 'continue' }, request, reply);
  }

  private receive(arrival: Arrival, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { secret: t, redirectUrl } = arrival;
    const fields = { t, ...(redirectUrl !== undefined && { redirectUrl }) };
    const clientId = clientNamedBy(t) ?? '';
    return this.reception.receive({ clientId, button: { action: '/login', fields } }, request, reply, async (visit) => {
      const outcome = await this.flow.run(arrival, visit);
      if (outcome.kind === 'landed' && outcome.callback === 'refused') {
        const address = this.addresses.hash(request);
        this.denials.note({ clientId, route: routeOf(request), reason: 'redirect.refused', address });
      }
      return outcome;
    });
  }
}
