import {
  applyDecorators,
  type CanActivate,
  type ExecutionContext,
  Injectable,
  SetMetadata,
  UseGuards,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { CurrentAccount } from './current-account.js';
import { missingScope } from './custom-token.envelope.js';
import { ProjectGuard } from './project.guard.js';
import { ProjectKeys, type Scope } from './project-keys.js';

const mark = 'scope';

/** Lets in the project's backends, by a private key with the scope the route names. */
@Injectable()
class BackendGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly keys: ProjectKeys,
    private readonly accounts: CurrentAccount,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const scope = this.reflector.get<Scope>(mark, context.getHandler());
    if (!(await this.keys.isBackend(request, scope))) throw missingScope('guests', scope);
    if (await this.accounts.session(request)) throw new Fault('credentials.key_and_session');
    return true;
  }
}

/** For backends alone. */
export const ForBackends = (scope: Scope) =>
  applyDecorators(
    SetMetadata(mark, scope),
    UseGuards(ProjectGuard, BackendGuard),
    ApiHeader({ name: 'X-Appwrite-Key', description: `a private key with \`${scope}\`; also \`X-Nuvix-Key\`` }),
  );
