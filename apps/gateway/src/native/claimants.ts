import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import { ApiKeys } from '../guards/api-keys.js';
import { bearerOf } from '../guards/bearer.js';
import { clientNamedBy } from '../guards/credential.js';
import { Places } from '../guards/places.js';
import type { Claimant } from './claim.flow.js';

const scope = 'sessions.write';

/** Who asks for the session of a landing: the page it landed on, or the client's backend. */
@Injectable()
export class Claimants {
  constructor(
    private readonly keys: ApiKeys,
    private readonly places: Places,
  ) {}

  /**
   * Nothing is consumed yet, so whoever is refused here may still claim it elsewhere.
   *
   * @throws Fault `code.refused`, `key.refused`, `account.suspended`, `scope.missing`
   */
  async of(request: FastifyRequest, code: string, attempt: Attempt): Promise<Claimant> {
    const clientId = clientNamedBy(code);
    if (clientId && (await this.places.isForeignHost(request, clientId))) throw new Fault('code.refused');
    const { authorization, origin = '' } = request.headers;
    // A browser says where a page is from; whoever says nothing has landed nowhere, and is refused like that.
    if (authorization === undefined) return { landing: origin.length > 255 ? '' : origin };

    const { client, kind, scopes } = await this.keys.check(bearerOf(request) ?? '', attempt);
    if (kind !== 'private') throw new Fault('key.refused');
    if (!scopes.includes(scope)) throw new Fault('scope.missing');
    return { clientId: client.clientId };
  }
}
