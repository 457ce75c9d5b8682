import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import type { KeyCaller } from '../guards/api-keys.js';
import { BearerPair, secondsUntil } from '../http/bearer-pair.js';
import type { Tokens } from './client-auth.schema.js';
import { told } from './tokens.js';

/** A program signs in with its key and goes on with a session of its own. */
@Injectable()
export class ClientAuthFlow {
  constructor(private readonly pairs: BearerPair) {}

  async run(caller: KeyCaller, asked: readonly string[], attempt: Attempt): Promise<Tokens> {
    const { client, keyId, epoch, scopes: allowed, expiresAt } = caller;
    if (!asked.every((scope) => allowed.includes(scope))) throw new Fault('scope.missing');
    const scopes = asked.length === 0 ? allowed : [...asked];
    const { access, session } = client.settings.lifetimes.clientAuth;
    // The session ends with its key where that has an end.
    const lifetimeSeconds = Math.min(session, secondsUntil(expiresAt));

    const opening = {
      clientId: client.clientId,
      clientEpoch: client.epoch,
      subject: `key_${keyId}`,
      epoch,
      scopes,
      attempt,
      protocol: 'client-auth',
      origin: null,
      originUntil: null,
      lifetimeSeconds,
    } as const;
    const pair = await this.pairs.open(opening, { epoch, ttlSeconds: Math.min(access, lifetimeSeconds) });
    return told(pair, scopes, lifetimeSeconds);
  }
}
