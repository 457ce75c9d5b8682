import { Get, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { Bus } from '#bus/bus';
import { audit } from '#contracts/audit';
import { AdminController } from './admin.controller.decorator.js';
import { auditQuery, auditVerifyQuery } from './admin.schema.js';

@AdminController('audit', 'audit')
export class AuditController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOkResponse({ standardSchema: audit.list.reply })
  list(@Query({ schema: auditQuery }) query: z.output<typeof auditQuery>) {
    return this.bus.ask(audit.list, query);
  }

  @Get('verify')
  @ApiOkResponse({ standardSchema: audit.verify.reply })
  verify(@Query({ schema: auditVerifyQuery }) query: z.output<typeof auditVerifyQuery>) {
    return this.bus.ask(audit.verify, query);
  }
}
