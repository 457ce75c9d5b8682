import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { clientNamedBy } from '../guards/credential.js';
import { ServerKeys } from '../guards/server-keys.js';
import { missingScope } from './custom-token.envelope.js';
import { said } from './family-header.js';
import { projectOf } from './project.guard.js';

export type Scope = 'users.read' | 'users.write' | 'sessions.write';

const longest = 512;

/** The private keys of a project: its backends. */
@Injectable()
export class ProjectKeys {
  constructor(private readonly keys: ServerKeys) {}

  /**
   * Whether a backend of the project is calling. A key that does not hold here makes a guest of its bearer; one of
   * another project is not even looked up.
   *
   * @returns false where there is no key
   * @throws Fault `scope.missing`, `key.exposed`
   */
  async isBackend(request: FastifyRequest, scope: Scope): Promise<boolean> {
    const key = said(request, 'key');
    if (key === undefined) return false;
    if (key.length > longest || clientNamedBy(key) !== projectOf(request)) throw missingScope('guests', scope);
    const { scopes } = await this.keys.check(request, key).catch((cause: unknown) => {
      throw cause instanceof Fault && cause.entry.kind === 'denied' ? missingScope('guests', scope) : cause;
    });
    if (!scopes.includes(scope)) throw missingScope('applications', scope);
    return true;
  }
}
