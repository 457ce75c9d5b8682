import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault, type FaultCode } from '#contracts/fault';
import { Addresses } from '../http/address.js';
import { Attempts } from '../http/attempts.js';
import { Denials } from '../http/denials.js';
import { routeOf } from '../http/throttle.guard.js';
import { ApiKeys, type KeyCaller } from './api-keys.js';
import { Places } from './places.js';
import { isFromBrowser } from './server-key.js';

/** Which private key a backend calls with. What is refused here is noted for the audit trail. */
@Injectable()
export class ServerKeys {
  constructor(
    private readonly keys: ApiKeys,
    private readonly places: Places,
    private readonly attempts: Attempts,
    private readonly addresses: Addresses,
    private readonly denials: Denials,
  ) {}

  /** @throws Fault `key.exposed`, `key.refused`, `account.suspended`, `origin.refused` */
  async check(request: FastifyRequest, key: string): Promise<KeyCaller> {
    if (isFromBrowser(request) && !key.startsWith('segue_pk_')) throw this.refusal(request, '_', 'key.exposed');
    const caller = await this.keys.check(key, this.attempts.of(request));
    const { clientId } = caller.client;
    if (caller.kind !== 'private') throw this.refusal(request, clientId, 'key.refused', 'key.public');
    await this.places.admit(request, clientId);
    return caller;
  }

  /**
   * The same where nothing has to be awaited, nor a support id made for a refusal: a key that was good a moment ago, at a
   * place that is here and surely good. `undefined` says nothing of it: `check` it.
   */
  at(request: FastifyRequest, key: string): KeyCaller | undefined {
    if (isFromBrowser(request)) return undefined;
    const caller = this.keys.at(key);
    return caller?.kind === 'private' && this.places.admits(request, caller.client.clientId) ? caller : undefined;
  }

  /** The fault for who may not do this although the key is good. */
  refusal(request: FastifyRequest, clientId: string, code: FaultCode, reason: string = code): Fault {
    this.denials.note({ clientId, route: routeOf(request), reason, address: this.addresses.hash(request) });
    return new Fault(code);
  }
}
