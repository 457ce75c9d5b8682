import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Bus } from '#bus/bus';
import { identity } from '#contracts/identity';
import { Attempts } from '../http/attempts.js';
import { type CountedBy, Limited } from '../http/throttle.guard.js';
import { AccountGuard, SignedInAccount } from './account.guard.js';
import { AccountJwts } from './account-jwts.js';
import { AccountSessions } from './account-sessions.js';
import type { Account } from './current-account.js';
import { limitsOf, missingScope, rateLimitHeaders } from './custom-token.envelope.js';
import { ApiCustomToken, CustomTokenManners } from './custom-token.manners.js';
import {
  type Exchanged,
  exchanged,
  jwtModel,
  type NewJwt,
  newJwt,
  sessionModel,
  sessionsModel,
  userModel,
} from './custom-token.schema.js';
import { projectNamedBy } from './family-header.js';
import { idOf, toSession, toUser } from './models.js';
import { Project, ProjectGuard } from './project.guard.js';
import { ProjectKeys } from './project-keys.js';
import { RedeemFlow } from './redeem.flow.js';
import { SessionCookies } from './session-cookies.js';
import { toSessionSecret } from './session-secret.js';

const byUser: CountedBy = (request, address) => {
  const { userId } = exchanged.pick({ userId: true }).safeParse(request.body).data ?? {};
  return JSON.stringify([address, projectNamedBy(request), userId]);
};

/** What a user does, or a program for them. */
@ApiCustomToken()
@Controller('v1/account')
export class CustomTokenAccountController {
  constructor(
    private readonly bus: Bus,
    private readonly redemptions: RedeemFlow,
    private readonly keys: ProjectKeys,
    private readonly sessions: AccountSessions,
    private readonly jwts: AccountJwts,
    private readonly cookies: SessionCookies,
    private readonly attempts: Attempts,
  ) {}

  @Post('sessions/token')
  @CustomTokenManners()
  @Limited('custom-token', byUser)
  @UseGuards(ProjectGuard)
  @ApiOperation({ summary: 'Exchange a secret for a session, once' })
  @ApiCreatedResponse({ standardSchema: sessionModel })
  async exchange(
    @Project() clientId: string,
    @Body({ schema: exchanged }) body: Exchanged,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const isBackend = await this.keys.isBackend(request, 'sessions.write');
    const { session, credential } = await this.redemptions.run(clientId, body, this.attempts.of(request));
    const secret = toSessionSecret(body.userId, credential);
    if (request.counted) reply.headers(rateLimitHeaders(limitsOf(request.counted, Date.now())));
    this.cookies.give(request, reply, clientId, secret, session.expiresAt);
    return toSession(session, { userId: body.userId, current: true, ...(isBackend && { secret }) });
  }

  @Get()
  @CustomTokenManners()
  @UseGuards(ProjectGuard, AccountGuard)
  @ApiOperation({ summary: 'Who is signed in' })
  @ApiOkResponse({ standardSchema: userModel })
  async get(@SignedInAccount() account: Account) {
    return toUser((await this.#known(account)).user);
  }

  @Post(['jwts', 'jwt'])
  @CustomTokenManners()
  @UseGuards(ProjectGuard, AccountGuard)
  @ApiOperation({ summary: 'Make a JWT that speaks for who is signed in, and dies with the session' })
  @ApiCreatedResponse({ standardSchema: jwtModel })
  async createJwt(@SignedInAccount() account: Account, @Body({ schema: newJwt }) { duration }: NewJwt) {
    // A JWT is no session: it cannot prolong itself.
    if (!account.session) throw missingScope('guests', 'account');
    return this.jwts.create(account.clientId, await this.#known(account), account.session, duration);
  }

  @Get('sessions')
  @CustomTokenManners()
  @UseGuards(ProjectGuard, AccountGuard)
  @ApiOperation({ summary: 'The sessions of who is signed in, newest first' })
  @ApiOkResponse({ standardSchema: sessionsModel })
  async list(@SignedInAccount() account: Account) {
    const [{ user }, found] = await Promise.all([this.#known(account), this.sessions.list(account)]);
    const sessions = found.map((each) =>
      toSession(each, { userId: idOf(user), current: each.sessionId === account.sessionId }),
    );
    return { total: sessions.length, sessions };
  }

  @Get('sessions/:sessionId')
  @CustomTokenManners()
  @UseGuards(ProjectGuard, AccountGuard)
  @ApiOperation({ summary: 'One session of who is signed in, or the `current` one' })
  @ApiOkResponse({ standardSchema: sessionModel })
  async read(@SignedInAccount() account: Account, @Param('sessionId') id: string) {
    const [{ user }, found] = await Promise.all([this.#known(account), this.sessions.get(account, id)]);
    return toSession(found, { userId: idOf(user), current: found.sessionId === account.sessionId });
  }

  @Delete('sessions/:sessionId')
  @HttpCode(204)
  @CustomTokenManners()
  @UseGuards(ProjectGuard, AccountGuard)
  @ApiOperation({ summary: 'End one session, or the `current` one' })
  @ApiNoContentResponse()
  async end(
    @SignedInAccount() account: Account,
    @Param('sessionId') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    if (await this.sessions.end(account, id)) this.cookies.take(request, reply, account.clientId);
  }

  @Delete('sessions')
  @HttpCode(204)
  @CustomTokenManners()
  @UseGuards(ProjectGuard, AccountGuard)
  @ApiOperation({ summary: 'Sign out everywhere' })
  @ApiNoContentResponse()
  async endAll(
    @SignedInAccount() account: Account,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.sessions.endAll(account);
    this.cookies.take(request, reply, account.clientId);
  }

  /** @throws Fault `scope.missing` for who is nobody any more */
  async #known({ clientId, userId }: Account) {
    const known = await this.bus.ask(identity.get, { clientId, userId });
    if (known?.user.status !== 'active') throw missingScope('guests', 'account');
    return known;
  }
}
