import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { token } from '#contracts/token';
import type { KeyCaller } from '../guards/api-keys.js';
import { withoutServerScopes } from '../guards/scopes.js';
import { secondsUntil } from '../http/bearer-pair.js';
import type { TokenQuery } from './client-token.schema.js';

/** A private key mints a token that an SDK may carry in its stead, for a while. */
@Injectable()
export class ClientTokenFlow {
  constructor(private readonly bus: Bus) {}

  async run({ client, keyId, epoch, scopes, expiresAt }: KeyCaller, { expiryMins, extId }: TokenQuery) {
    const signed = await this.bus.ask(token.sign, {
      kind: 'sdk',
      clientId: client.clientId,
      subject: `key_${keyId}`,
      epoch,
      scopes: withoutServerScopes(scopes),
      jti: randomUUID(),
      // It dies with its key, also when the end of that is known beforehand.
      ttlSeconds: Math.min(expiryMins * 60, secondsUntil(expiresAt)),
      ...(extId !== undefined && { externalId: extId }),
    });
    return { token: signed.token };
  }
}
