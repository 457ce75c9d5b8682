import { Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Bus } from '#bus/bus';
import { token } from '#contracts/token';
import { Public } from '../guards/access.guard.js';
import { refusedLink } from '../guards/login-page.js';
import { Reception } from '../guards/reception.js';
import { Manners } from '../http/manners.js';
import type { Said } from '../http/question-pages.js';
import { isOwnButton } from '../http/same-origin.js';
import { Limited } from '../http/throttle.guard.js';
import { ApiLinkFlow, type GivenLink } from './api-link.flow.js';
import {
  type ApiLink,
  type ApiLinkForm,
  apiLink,
  apiLinkForm,
  type ParkedLink,
  parkedLink,
} from './api-link.schema.js';

const landed = {
  status: 303,
  description: 'to the landing with a session cookie, or to the login page with `error` and `support`',
};
const asked = { status: 200, description: 'a page that asks whether to go on' };
const refused = {
  status: 401,
  standardSchema: refusedLink,
  description: 'the link was refused, and nobody looks at a page',
};

@ApiTags('000 API Link')
@Controller('api/link')
export class ApiLinkController {
  constructor(
    private readonly bus: Bus,
    private readonly flow: ApiLinkFlow,
    private readonly reception: Reception,
  ) {}

  @Get()
  @Public()
  @Limited('link')
  @Manners({ changesState: true, embeddable: true })
  @ApiOperation({ summary: 'Sign in by a link the client’s backend has signed' })
  @ApiResponse(landed)
  @ApiResponse(asked)
  @ApiResponse(refused)
  follow(@Query({ schema: apiLink }) link: ApiLink, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.receive(link, 'nothing', request, reply);
  }

  /**
   * A form of another site carries no Lax cookie, so neither a repeat nor a signed-in user would be seen: such a link is
   * parked, and the redirect brings the cookie (state.md, "A link").
   */
  @Post()
  @Public()
  @Limited('link')
  @Manners({ changesState: true, embeddable: true, takes: 'form' })
  @ApiOperation({ summary: 'The same by a form: recommended, it keeps the token out of addresses and logs' })
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiResponse({ status: 303, description: 'to `/api/link/continue`, and for a form of our own as there' })
  @ApiResponse(asked)
  @ApiResponse(refused)
  async post(
    @Body({ schema: apiLinkForm }) form: ApiLinkForm,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { h, confirmed, clientId, userToken, callbackPath } = form;
    if (isOwnButton(request.headers)) {
      const given = h === undefined ? { clientId, userToken, callbackPath } : { clientId, handle: h };
      return this.receive(given, confirmed ?? 'continue', request, reply);
    }
    const link = { clientId, userToken, ...(callbackPath !== undefined && { callbackPath }) };
    const { handle } = await this.bus.ask(token.park, link);
    reply.redirect(`/api/link/continue?${new URLSearchParams({ h: handle, clientId })}`, 303);
  }

  @Get('continue')
  @Public()
  @Limited('link')
  @Manners({ changesState: true, embeddable: true })
  @ApiOperation({ summary: 'Go on with a link that came by a form' })
  @ApiResponse(landed)
  @ApiResponse(asked)
  @ApiResponse(refused)
  continue(
    @Query({ schema: parkedLink }) { h: handle, clientId }: ParkedLink,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    return this.receive({ handle, clientId }, 'nothing', request, reply);
  }

  private receive(given: GivenLink, said: Said, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const link = { clientId: given.clientId, button: { action: '/api/link', fields: fieldsOf(given) } };
    return this.reception.receive(link, request, reply, (visit) => this.flow.run(given, said, visit));
  }
}

function fieldsOf(given: GivenLink): Record<string, string> {
  const { clientId } = given;
  if ('handle' in given) return { clientId, h: given.handle };
  const { userToken, callbackPath } = given;
  return { clientId, userToken, ...(callbackPath !== undefined && { callbackPath }) };
}
