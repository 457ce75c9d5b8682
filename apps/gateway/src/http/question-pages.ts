import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Bus } from '#bus/bus';
import { identity, type UserView } from '#contracts/identity';
import type { SessionView } from '#contracts/session';
import type { LinkSettings } from '#contracts/token';
import { hidden, html, page } from './page.js';
import { showPage } from './show-page.js';

/** What came of a link: a question, or a session. */
export type Outcome = { readonly settings: LinkSettings; readonly location: string } & (
  | { readonly kind: 'confirm' }
  /** `user` is who the link is for, `null` where that shows only once it is spent. */
  | { readonly kind: 'switch'; readonly user: UserView | null; readonly current: SessionView }
  | { readonly kind: 'landed'; readonly session: SessionView; readonly cookie: string | null }
);

/** What somebody said on such a page: to go on, or to go on in spite of another user being signed in. */
export type Said = 'nothing' | 'continue' | 'switch';

/** Where the buttons of a question send the link on to, and as which fields. */
export interface Button {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The questions a link can raise. Their buttons send the link on as a form of our own, which no other site can do. */
@Injectable()
export class QuestionPages {
  constructor(private readonly bus: Bus) {}

  /** `landingMode: "confirm"`: whoever fetches a link to look at it, such as a mail scanner, presses no button. */
  confirm(reply: FastifyReply, { action, fields }: Button, settings: LinkSettings, location: string): void {
    const body = html`<p>The link you have opened signs you in. Go on if you meant to open it.</p>
<form method="post" action="${action}">
${hidden(fields)}
<button class="main">Sign in</button>
</form>`;
    showPage(reply, page('Sign in', body), pageManners(settings, location));
  }

  /** Somebody else is signed in in this browser: replacing them silently would let a link lead a person astray (S-25). */
  async switchUser(
    reply: FastifyReply,
    { action, fields }: Button,
    { settings, location, user, current }: Extract<Outcome, { kind: 'switch' }>,
  ): Promise<void> {
    const { clientId, subject: userId } = current;
    const before = await this.bus.ask(identity.get, { clientId, userId });
    const [present, next] = [before && nameOf(before.user), user && nameOf(user)];
    const body = html`<p>${present ? html`You are signed in as <bdi>${present}</bdi>.` : 'Somebody is signed in here with another account.'}
The link you have opened is for ${next ? html`<bdi>${next}</bdi>` : 'a different account'}.</p>
<p>If you did not expect that, stay signed in as you are.</p>
<div class="actions">
<form method="post" action="${action}">
${hidden({ ...fields, confirmed: 'switch' })}
<button>${next ? html`Continue as <bdi>${next}</bdi>` : 'Continue with the other account'}</button>
</form>
<a class="button" href="${location}">${present ? html`Stay signed in as <bdi>${present}</bdi>` : 'Stay signed in'}</a>
</div>`;
    showPage(reply, page('Another account is signed in', body), pageManners(settings, location));
  }
}

/** What a person would know an account by, if anything. */
function nameOf({ username, email, emailIsPlaceholder }: UserView): string | null {
  if (username !== 'anonymous') return username;
  return emailIsPlaceholder ? null : email;
}

/** A form ends on the landing, or on the login page. */
function pageManners({ loginUrl, embedOrigins }: LinkSettings, location: string) {
  const elsewhere = [location, loginUrl].filter((target) => !target.startsWith('/')).map((url) => new URL(url).origin);
  return { formsLeadTo: [...new Set(elsewhere)], framedBy: embedOrigins };
}
