import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import type { token } from '#contracts/token';
import { Refusals } from '#outbox/refusals';
import { KnownApiKeys } from './clients/known-api-keys.js';
import { type KnownClient, KnownClients } from './clients/known-clients.js';
import { LastUse } from './clients/last-use.js';
import { cappedScopes, matches, type NamedApiKey, readApiKey } from './domain/api-key.js';
import { type KeyRefusal, keyRefused } from './domain/refusal.js';
import type { StoredApiKey } from './store/api-key.store.js';

/** Checks an API key: form and checksum without a look-up, then its digest, in constant time (S-50). */
@Injectable()
export class Authenticate {
  constructor(
    private readonly clients: KnownClients,
    private readonly keys: KnownApiKeys,
    private readonly refusals: Refusals,
    private readonly lastUse: LastUse,
  ) {}

  async run({ key, attempt }: Received<typeof token.authenticate>): Promise<Reply<typeof token.authenticate>> {
    const arrived = performance.now();
    const now = Date.now();
    const named = readApiKey(key);
    if (!named) {
      await this.refusals.record(keyRefused(null, 'malformed', attempt), attempt);
      throw new Fault('key.refused');
    }

    const { clientId, keyId } = named;
    let [client, stored] = await Promise.all([this.clients.get(clientId), this.keys.get(clientId, keyId)]);
    let refusal = judge(named, client, stored, now);
    if (refusal) {
      // a key made or a client restored a moment ago by another replica works at once
      const newer = [this.clients.newerThan(arrived, clientId), this.keys.newerThan(arrived, clientId, keyId)] as const;
      [client, stored] = await Promise.all(newer);
      refusal = judge(named, client, stored, now);
    }
    if (refusal || !client || !stored) {
      await this.refusals.record(keyRefused(client && clientId, refusal ?? 'unknown_key', attempt), attempt);
      throw new Fault(refusal === 'suspended' ? 'account.suspended' : 'key.refused');
    }

    this.lastUse.note('apiKey', clientId, keyId, now);
    return answer(client, keyId, stored);
  }
}

function judge(
  named: NamedApiKey,
  client: KnownClient | null,
  stored: StoredApiKey | null,
  nowMs: number,
): KeyRefusal | null {
  const same = matches(named, stored);
  if (!client || !stored) return 'unknown_key';
  if (!same) return 'secret';
  if (stored.deleted) return 'deleted';
  if (stored.ended || (stored.endsAt && stored.endsAt.getTime() <= nowMs)) return 'expired';
  return client.suspended ? 'suspended' : null;
}

function answer(client: KnownClient, keyId: string, stored: StoredApiKey): Reply<typeof token.authenticate> {
  const { clientId, epoch, settings } = client;
  return {
    client: { clientId, epoch, settings },
    keyId,
    kind: stored.kind,
    epoch: stored.epoch,
    scopes: cappedScopes(stored.scopes, settings.scopes),
    expiresAt: stored.endsAt?.toISOString() ?? null,
  };
}
