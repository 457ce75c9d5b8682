import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { ClientSettings } from '../guards/client-settings.js';
import { Places } from '../guards/places.js';
import { Attempts } from '../http/attempts.js';
import { isFramed } from '../http/inert.js';
import { isForEyes } from '../http/page.js';
import { SessionCookie } from '../http/session-cookie.js';
import { ApiLinkFlow, type GivenLink, type Outcome, type Visit } from './api-link.flow.js';
import { LandingCode } from './landing-code.js';
import { LinkPages } from './link-pages.js';
import { LoginPage, refusalOf } from './refused-link.js';

/** Receives a link, however it came, and answers with what came of it. */
@Injectable()
export class LinkReception {
  constructor(
    private readonly flow: ApiLinkFlow,
    private readonly pages: LinkPages,
    private readonly codes: LandingCode,
    private readonly loginPage: LoginPage,
    private readonly settings: ClientSettings,
    private readonly places: Places,
    private readonly cookie: SessionCookie,
    private readonly attempts: Attempts,
  ) {}

  async receive(given: GivenLink, said: Visit['said'], request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const attempt = this.attempts.of(request);
    try {
      if (isFramed(request.headers) && !(await this.settings.isEmbedded(given.clientId))) {
        reply.code(204).send();
        return;
      }
      if (await this.places.isForeignHost(request, given.clientId)) throw new Fault('link.refused');
      const presented = this.cookie.read(request);
      await this.answer(await this.flow.run(given, { attempt, presented, said }), given, reply);
    } catch (error) {
      const refusal = refusalOf(error, attempt.support);
      if (!refusal) throw error;
      reply.header('vary', 'Accept');
      if (isForEyes(request.headers.accept)) reply.redirect(await this.loginPage.of(given.clientId, refusal), 303);
      else reply.code(401).send(refusal);
    }
  }

  private async answer(outcome: Outcome, given: GivenLink, reply: FastifyReply): Promise<void> {
    const { kind, settings, location } = outcome;
    if (kind === 'confirm') return this.pages.confirm(reply, given, settings, location);
    if (kind === 'switch') return this.pages.switchUser(reply, given, outcome);

    const { session, cookie } = outcome;
    // Before the code is offered: should that fail, the link is this browser's all the same, and may be opened again.
    if (cookie !== null) this.cookie.give(reply, cookie, session.expiresAt, settings.embedOrigins.length > 0);
    reply.redirect(await this.codes.locate(location, session), 303);
  }
}
