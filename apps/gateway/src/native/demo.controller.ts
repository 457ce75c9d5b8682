import { Controller, Get, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Bus } from '#bus/bus';
import { identity, type UserView } from '#contracts/identity';
import { type SessionView, session } from '#contracts/session';
import { Public } from '../guards/access.guard.js';
import { ClientSettings } from '../guards/client-settings.js';
import { CurrentSession } from '../guards/current-session.js';
import { OwnPageGuard } from '../guards/own-page.guard.js';
import { Places } from '../guards/places.js';
import { Manners } from '../http/manners.js';
import { html, page } from '../http/page.js';
import { SessionCookie } from '../http/session-cookie.js';
import { showPage } from '../http/show-page.js';

/** A place to land on: it says who is signed in. `/` is where a client lands that has not said where. */
@ApiExcludeController()
@Controller()
export class DemoController {
  constructor(
    private readonly bus: Bus,
    private readonly sessions: CurrentSession,
    private readonly cookie: SessionCookie,
    private readonly settings: ClientSettings,
    private readonly places: Places,
  ) {}

  @Get(['/', 'demo'])
  @Public()
  async show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const current = await this.find(request);
    const known =
      current && (await this.bus.ask(identity.get, { clientId: current.clientId, userId: current.subject }));
    const settings = known && (await this.settings.find(current.clientId));
    const shown = known ? signedInPage(known.user, current.expiresAt) : signedOutPage();
    showPage(reply, shown, { framedBy: settings?.embedOrigins ?? [] });
  }

  @Post('demo/sign-out')
  @UseGuards(OwnPageGuard)
  @Manners({ takes: 'form' })
  async signOut(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const current = await this.find(request);
    if (current) {
      const { clientId, sessionId } = current;
      await this.bus.ask(session.close, { clientId, sessionId, reason: 'signed_out' });
      this.cookie.take(reply, await this.settings.isEmbedded(clientId));
    }
    reply.redirect('/demo', 303);
  }

  /** Whoever is signed in at the client this host belongs to. */
  private async find(request: FastifyRequest): Promise<SessionView | null> {
    const current = await this.sessions.find(request);
    return current && (await this.places.isForeignHost(request, current.clientId)) ? null : current;
  }
}

const inWords = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });

function signedInPage(
  { username, externalId, userId, email, emailIsPlaceholder, locale }: UserView,
  until: string,
): string {
  return page(
    `Signed in as ${username}`,
    html`<dl>
<dt>Your id at the platform you came from</dt><dd>${externalId ?? 'none'}</dd>
<dt>Your id here</dt><dd>${userId}</dd>
<dt>E-mail</dt><dd>${emailIsPlaceholder ? 'none' : email}</dd>
<dt>Language</dt><dd>${locale}</dd>
<dt>Signed in until</dt><dd><time datetime="${until}">${inWords.format(new Date(until))} UTC</time></dd>
</dl>
<form method="post" action="/demo/sign-out"><button>Sign out</button></form>`,
  );
}

function signedOutPage(): string {
  return page('Nobody is signed in', html`<p>Open a hand-off link to sign in.</p>`);
}
