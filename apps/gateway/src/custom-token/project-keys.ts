import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { ApiKeys } from '../guards/api-keys.js';
import { clientNamedBy } from '../guards/credential.js';
import { refuseBrowser } from '../guards/server-key.js';
import { Attempts } from '../http/attempts.js';
import { missingScope } from './custom-token.envelope.js';
import { said } from './family-header.js';
import { projectOf } from './project.guard.js';

export type Scope = 'users.read' | 'users.write' | 'sessions.write';

const longest = 512;

/** The private keys of a project: its backends. */
@Injectable()
export class ProjectKeys {
  constructor(
    private readonly keys: ApiKeys,
    private readonly attempts: Attempts,
  ) {}

  /**
   * Whether a backend of the project is calling. Whoever brings a key that does not hold here is a guest with the key
   * named; a key of another project is not even looked up.
   *
   * @returns false where there is no key
   * @throws Fault `scope.missing`, `key.exposed`
   */
  async isBackend(request: FastifyRequest, scope: Scope): Promise<boolean> {
    const key = said(request, 'key');
    if (key === undefined) return false;
    refuseBrowser(request);
    if (key.length > longest || clientNamedBy(key) !== projectOf(request)) throw missingScope('guests', scope);
    const { kind, scopes } = await this.keys.check(key, this.attempts.of(request)).catch((cause: unknown) => {
      throw cause instanceof Fault && cause.entry.kind === 'denied' ? missingScope('guests', scope) : cause;
    });
    if (kind !== 'private' || !scopes.includes(scope)) throw missingScope('applications', scope);
    return true;
  }
}
