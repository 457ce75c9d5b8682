import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { Bus } from '#bus/bus';
import { token } from '#contracts/token';
import { AccountJwts } from './account-jwts.js';
import { AccountSessions } from './account-sessions.js';
import { ForBackends } from './backend.guard.js';
import { ApiCustomToken, CustomTokenManners } from './custom-token.manners.js';
import {
  jwtModel,
  type NewToken,
  type NewUser,
  type NewUserJwt,
  newToken,
  newUser,
  newUserJwt,
  tokenModel,
  userModel,
} from './custom-token.schema.js';
import { idOf, toUser } from './models.js';
import { Project } from './project.guard.js';
import { ProjectUsers } from './project-users.js';

/** What a project's backend does. */
@ApiCustomToken()
@Controller('v1/users')
export class CustomTokenUsersController {
  constructor(
    private readonly bus: Bus,
    private readonly users: ProjectUsers,
    private readonly sessions: AccountSessions,
    private readonly jwts: AccountJwts,
  ) {}

  @Post()
  @CustomTokenManners()
  @ForBackends('users.write')
  @ApiOperation({ summary: 'Create a user under an id of your own' })
  @ApiCreatedResponse({ standardSchema: userModel })
  async create(@Project() clientId: string, @Body({ schema: newUser }) body: NewUser) {
    return toUser(await this.users.create(clientId, body));
  }

  @Get(':userId')
  @CustomTokenManners()
  @ForBackends('users.read')
  @ApiOperation({ summary: 'Read a user by your own id' })
  @ApiOkResponse({ standardSchema: userModel })
  async get(@Project() clientId: string, @Param('userId') userId: string) {
    return toUser((await this.users.get(clientId, userId)).user);
  }

  @Post(':userId/tokens')
  @CustomTokenManners()
  @ForBackends('users.write')
  @ApiOperation({ summary: 'Make a secret that becomes a session of this user, once' })
  @ApiCreatedResponse({ standardSchema: tokenModel })
  async createToken(
    @Project() clientId: string,
    @Param('userId') id: string,
    @Body({ schema: newToken }) { length, expire }: NewToken,
  ) {
    const { user, epoch } = await this.users.getActive(clientId, id);
    const { userId } = user;
    const offer = { purpose: 'custom-token', externalId: idOf(user), length, ttlSeconds: expire } as const;
    const { tokenId, secret, expiresAt } = await this.bus.ask(token.offer, { clientId, userId, epoch, ...offer });
    return {
      $id: tokenId,
      $createdAt: new Date().toISOString(),
      userId: idOf(user),
      secret,
      expire: new Date(expiresAt * 1000).toISOString(),
      phrase: '',
    };
  }

  @Post(':userId/jwts')
  @CustomTokenManners()
  @ForBackends('users.write')
  @ApiOperation({ summary: 'Make a JWT that speaks for this user' })
  @ApiCreatedResponse({ standardSchema: jwtModel })
  async createJwt(
    @Project() clientId: string,
    @Param('userId') id: string,
    @Body({ schema: newUserJwt }) { sessionId = 'recent', duration }: NewUserJwt,
  ) {
    const known = await this.users.getActive(clientId, id);
    const account = { clientId, userId: known.user.userId, sessionId: undefined, session: null };
    const of =
      sessionId === 'recent' ? (await this.sessions.list(account))[0] : await this.sessions.get(account, sessionId);
    return this.jwts.create(clientId, known, of, duration);
  }
}
