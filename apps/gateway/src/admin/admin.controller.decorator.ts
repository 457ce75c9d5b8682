import { applyDecorators, Controller, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { AdminGuard } from '../guards/admin.guard.js';
import { ApiProblems } from '../http/problems.js';

/** A controller for the bearer of the admin key. */
export const AdminController = (tag: string, path: string) =>
  applyDecorators(
    Controller(`v1/admin/${path}`),
    UseGuards(AdminGuard),
    ApiTags(`Admin: ${tag}`),
    ApiBearerAuth('admin'),
    ApiProblems(),
  );
