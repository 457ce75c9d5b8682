import { Body, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { Bus } from '#bus/bus';
import { client } from '#contracts/client';
import { AdminController } from './admin.controller.decorator.js';
import { clientPath, keyPath, newApiKey, rotatedApiKey } from './admin.schema.js';

@AdminController('API keys', 'clients/:clientId/api-keys')
export class ApiKeysController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @ApiCreatedResponse({ standardSchema: client.createApiKey.reply })
  create(
    @Param({ schema: clientPath }) { clientId }: z.output<typeof clientPath>,
    @Body({ schema: newApiKey }) body: z.output<typeof newApiKey>,
  ) {
    return this.bus.ask(client.createApiKey, { clientId, ...body });
  }

  @Get()
  @ApiOkResponse({ standardSchema: client.listApiKeys.reply })
  list(@Param({ schema: clientPath }) { clientId }: z.output<typeof clientPath>) {
    return this.bus.ask(client.listApiKeys, { clientId });
  }

  @Post(':keyId/rotate')
  @ApiCreatedResponse({ standardSchema: client.rotateApiKey.reply })
  rotate(
    @Param({ schema: keyPath }) path: z.output<typeof keyPath>,
    @Body({ schema: rotatedApiKey }) body: z.output<typeof rotatedApiKey>,
  ) {
    return this.bus.ask(client.rotateApiKey, { ...path, ...body });
  }

  @Delete(':keyId')
  @HttpCode(204)
  @ApiNoContentResponse()
  async delete(@Param({ schema: keyPath }) path: z.output<typeof keyPath>): Promise<void> {
    await this.bus.ask(client.deleteApiKey, path);
  }
}
