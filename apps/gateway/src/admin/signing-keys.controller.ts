import { Get, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse } from '@nestjs/swagger';
import { Bus } from '#bus/bus';
import { signingKey } from '#contracts/token';
import { AdminController } from './admin.controller.decorator.js';

@AdminController('signing keys', 'signing-keys')
export class SigningKeysController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOkResponse({ standardSchema: signingKey.list.reply })
  list() {
    return this.bus.ask(signingKey.list, {});
  }

  @Post('rotate')
  @ApiCreatedResponse({ standardSchema: signingKey.rotate.reply })
  rotate() {
    return this.bus.ask(signingKey.rotate, {});
  }
}
