import { Body, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { Bus } from '#bus/bus';
import { client } from '#contracts/client';
import { AdminController } from './admin.controller.decorator.js';
import { clientPath, newLinkSecret, secretPath } from './admin.schema.js';

@AdminController('link secrets', 'clients/:clientId/link-secrets')
export class LinkSecretsController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @ApiCreatedResponse({ standardSchema: client.createLinkSecret.reply })
  create(
    @Param({ schema: clientPath }) { clientId }: z.output<typeof clientPath>,
    @Body({ schema: newLinkSecret }) body: z.output<typeof newLinkSecret>,
  ) {
    return this.bus.ask(client.createLinkSecret, { clientId, ...body });
  }

  @Get()
  @ApiOkResponse({ standardSchema: client.listLinkSecrets.reply })
  list(@Param({ schema: clientPath }) { clientId }: z.output<typeof clientPath>) {
    return this.bus.ask(client.listLinkSecrets, { clientId });
  }

  @Delete(':secretId')
  @HttpCode(204)
  @ApiNoContentResponse()
  async delete(@Param({ schema: secretPath }) path: z.output<typeof secretPath>): Promise<void> {
    await this.bus.ask(client.deleteLinkSecret, path);
  }
}
