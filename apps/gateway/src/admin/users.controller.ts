import { Body, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiConsumes, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { identity, user, userView } from '#contracts/identity';
import { session } from '#contracts/session';
import { token } from '#contracts/token';
import { AdminController } from './admin.controller.decorator.js';
import { changedUser, clientPath, newUser, sessionPath, userPath, userQuery } from './admin.schema.js';

@AdminController('users', 'clients/:clientId/users')
export class UsersController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @ApiCreatedResponse({ standardSchema: user.create.reply })
  create(
    @Param({ schema: clientPath }) { clientId }: z.output<typeof clientPath>,
    @Body({ schema: newUser }) body: z.output<typeof newUser>,
  ) {
    return this.bus.ask(user.create, { clientId, ...body });
  }

  @Get()
  @ApiOkResponse({ standardSchema: user.list.reply })
  list(
    @Param({ schema: clientPath }) { clientId }: z.output<typeof clientPath>,
    @Query({ schema: userQuery }) query: z.output<typeof userQuery>,
  ) {
    return this.bus.ask(user.list, { clientId, ...query });
  }

  @Get(':userId')
  @ApiOkResponse({ standardSchema: userView })
  async read(@Param({ schema: userPath }) path: z.output<typeof userPath>) {
    const found = await this.bus.ask(identity.get, path);
    if (!found) throw new Fault('user.missing');
    return found.user;
  }

  @Patch(':userId')
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiOkResponse({ standardSchema: user.update.reply })
  change(
    @Param({ schema: userPath }) path: z.output<typeof userPath>,
    @Body({ schema: changedUser }) patch: z.output<typeof changedUser>,
  ) {
    return this.bus.ask(user.update, { ...path, ...patch });
  }

  @Post(':userId/suspend')
  @HttpCode(200)
  @ApiOkResponse({ standardSchema: user.suspend.reply })
  suspend(@Param({ schema: userPath }) path: z.output<typeof userPath>) {
    return this.bus.ask(user.suspend, path);
  }

  @Post(':userId/restore')
  @HttpCode(200)
  @ApiOkResponse({ standardSchema: user.restore.reply })
  restore(@Param({ schema: userPath }) path: z.output<typeof userPath>) {
    return this.bus.ask(user.restore, path);
  }

  @Post(':userId/unlock')
  @HttpCode(200)
  @ApiOkResponse({
    standardSchema: user.unlock.reply,
    description: 'password and short secrets of the user may be tried again',
  })
  async unlock(@Param({ schema: userPath }) path: z.output<typeof userPath>) {
    const unlocked = await this.bus.ask(user.unlock, path);
    const { externalId } = unlocked;
    if (externalId !== null) await this.bus.ask(token.unlock, { clientId: path.clientId, externalId });
    return unlocked;
  }

  @Post(':userId/totp')
  @ApiCreatedResponse({
    standardSchema: user.startTotp.reply,
    description: 'a second factor, instead of any before; its secret is shown here only',
  })
  startTotp(@Param({ schema: userPath }) path: z.output<typeof userPath>) {
    return this.bus.ask(user.startTotp, path);
  }

  @Delete(':userId/totp')
  @HttpCode(204)
  @ApiNoContentResponse({ description: 'the password is enough again' })
  async stopTotp(@Param({ schema: userPath }) path: z.output<typeof userPath>): Promise<void> {
    await this.bus.ask(user.stopTotp, path);
  }

  @Delete(':userId')
  @HttpCode(204)
  @ApiNoContentResponse({ description: 'forgotten: what remains names nobody' })
  async erase(@Param({ schema: userPath }) path: z.output<typeof userPath>): Promise<void> {
    await this.bus.ask(user.erase, path);
  }

  @Get(':userId/sessions')
  @ApiOkResponse({ standardSchema: session.list.reply })
  listSessions(@Param({ schema: userPath }) path: z.output<typeof userPath>) {
    return this.bus.ask(session.list, path);
  }

  @Delete(':userId/sessions')
  @HttpCode(204)
  @ApiNoContentResponse()
  async closeSessions(@Param({ schema: userPath }) { clientId, userId }: z.output<typeof userPath>): Promise<void> {
    await this.bus.ask(session.close, { clientId, subject: userId, reason: 'admin' });
  }

  @Delete(':userId/sessions/:sessionId')
  @HttpCode(204)
  @ApiNoContentResponse()
  async closeSession(
    @Param({ schema: sessionPath }) { clientId, userId, sessionId }: z.output<typeof sessionPath>,
  ): Promise<void> {
    await this.bus.ask(session.close, { clientId, subject: userId, sessionId, reason: 'admin' });
  }
}
