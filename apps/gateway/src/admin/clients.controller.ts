import { Body, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiConsumes, ApiCreatedResponse, ApiOkResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { Bus } from '#bus/bus';
import { client } from '#contracts/client';
import { Fault } from '#contracts/fault';
import { AdminController } from './admin.controller.decorator.js';
import { changedClient, clientPath, createdClient, listQuery, newClient } from './admin.schema.js';

@AdminController('clients', 'clients')
export class ClientsController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @ApiCreatedResponse({ standardSchema: createdClient })
  async create(@Body({ schema: newClient }) body: z.output<typeof newClient>) {
    const { client: created, linkSecret } = await this.bus.ask(client.create, body);
    return { ...created, linkSecret };
  }

  @Get()
  @ApiOkResponse({ standardSchema: client.list.reply })
  list(@Query({ schema: listQuery }) page: z.output<typeof listQuery>) {
    return this.bus.ask(client.list, page);
  }

  @Get(':clientId')
  @ApiOkResponse({ standardSchema: createdClient.omit({ linkSecret: true }) })
  async read(@Param({ schema: clientPath }) path: z.output<typeof clientPath>) {
    const found = await this.bus.ask(client.read, path);
    if (!found) throw new Fault('client.missing');
    return found;
  }

  @Patch(':clientId')
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiOkResponse({ standardSchema: client.update.reply })
  change(
    @Param({ schema: clientPath }) { clientId }: z.output<typeof clientPath>,
    @Body({ schema: changedClient }) patch: z.output<typeof changedClient>,
  ) {
    return this.bus.ask(client.update, { clientId, ...patch });
  }
}
