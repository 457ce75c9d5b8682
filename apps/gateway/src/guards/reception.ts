import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import { Attempts } from '../http/attempts.js';
import { isFramed } from '../http/inert.js';
import { isForEyes } from '../http/page.js';
import { type Button, type Outcome, QuestionPages } from '../http/question-pages.js';
import { SessionCookie } from '../http/session-cookie.js';
import { ClientSettings } from './client-settings.js';
import { LandingCode } from './landing-code.js';
import { LoginPage, refusalOf } from './login-page.js';
import { Places } from './places.js';

/** A link that signs in, as a browser brings it. */
export interface GuestLink {
  /** The client it names, of which nothing is proven. */
  readonly clientId: string;
  readonly button: Button;
}

/** How a browser came with it. */
export interface Visit {
  readonly attempt: Attempt;
  /** The session cookie it brought. */
  readonly presented: string | undefined;
}

/** Receives browsers with links, of whatever protocol, and answers with what came of it. */
@Injectable()
export class Reception {
  constructor(
    private readonly questions: QuestionPages,
    private readonly codes: LandingCode,
    private readonly loginPage: LoginPage,
    private readonly settings: ClientSettings,
    private readonly places: Places,
    private readonly cookie: SessionCookie,
    private readonly attempts: Attempts,
  ) {}

  async receive(
    link: GuestLink,
    request: FastifyRequest,
    reply: FastifyReply,
    signIn: (visit: Visit) => Promise<Outcome>,
  ): Promise<void> {
    const attempt = this.attempts.of(request);
    try {
      if (isFramed(request.headers) && !(await this.settings.isEmbedded(link.clientId))) {
        reply.code(204).send();
        return;
      }
      if (await this.places.isForeignHost(request, link.clientId)) throw new Fault('link.refused');
      await this.answer(await signIn({ attempt, presented: this.cookie.read(request) }), link.button, reply);
    } catch (error) {
      const refusal = refusalOf(error, attempt.support);
      if (!refusal) throw error;
      reply.header('vary', 'Accept');
      if (isForEyes(request.headers.accept)) reply.redirect(await this.loginPage.of(link.clientId, refusal), 303);
      else reply.code(401).send(refusal);
    }
  }

  private async answer(outcome: Outcome, button: Button, reply: FastifyReply): Promise<void> {
    const { kind, settings, location } = outcome;
    if (kind === 'confirm') return this.questions.confirm(reply, button, settings, location);
    if (kind === 'switch') return this.questions.switchUser(reply, button, outcome);

    const { session, cookie } = outcome;
    // Before the code is offered: should that fail, the session is this browser's all the same.
    if (cookie !== null) this.cookie.give(reply, cookie, session.expiresAt, settings.embedOrigins.length > 0);
    reply.redirect(await this.codes.locate(location, session), 303);
  }
}
