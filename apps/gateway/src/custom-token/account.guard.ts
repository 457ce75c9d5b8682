import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Account, CurrentAccount } from './current-account.js';
import { missingScope } from './custom-token.envelope.js';
import { said } from './family-header.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whom `AccountGuard` let in. */
    account?: Account;
  }
}

/** Lets in who is signed in at the project. A key signs nobody in. */
@Injectable()
export class AccountGuard implements CanActivate {
  constructor(private readonly accounts: CurrentAccount) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const account = await this.accounts.find(request);
    if (!account) throw missingScope(said(request, 'key') === undefined ? 'guests' : 'applications', 'account');
    request.account = account;
    return true;
  }
}

/** Whom `AccountGuard` let in. */
export const SignedInAccount = createParamDecorator((_: unknown, context: ExecutionContext): Account => {
  const { account } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!account) throw new Error('a route that wants an account needs the AccountGuard');
  return account;
});
