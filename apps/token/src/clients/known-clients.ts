import { Injectable } from '@nestjs/common';
import { type Settings, settings } from '#contracts/settings';
import { type LinkSettings, linkSettings } from '#contracts/token';
import { isClientId } from '../domain/client-id.js';
import { linkSecretPlace } from '../domain/link-secret.js';
import { ClientStore } from '../store/client.store.js';
import { Vault } from '../vault.js';
import { FreshCache } from './fresh-cache.js';
import { LinkKey } from './link-key.js';

/** What checking a credential needs to know of its client. */
export interface KnownClient {
  readonly clientId: string;
  readonly epoch: number;
  readonly suspended: boolean;
  readonly settings: Settings;
  readonly linkSettings: LinkSettings;
  readonly linkKeys: readonly LinkKey[];
}

const nobody = Promise.resolve(null);

/** Clients with their link secrets, at most three seconds old. */
@Injectable()
export class KnownClients {
  private readonly cache = new FreshCache((clientId) => this.load(clientId), {
    ttlMs: 3000,
    absentMs: 1000,
    most: 10_000,
  });

  constructor(
    private readonly store: ClientStore,
    private readonly vault: Vault,
  ) {}

  get(clientId: string): Promise<KnownClient | null> {
    return isClientId(clientId) ? this.cache.get(clientId) : nobody;
  }

  /** As the store has it after `since` (`performance.now()`): the second look before a refusal. */
  newerThan(since: number, clientId: string): Promise<KnownClient | null> {
    return isClientId(clientId) ? this.cache.newerThan(since, clientId) : nobody;
  }

  drop(clientId: string): void {
    this.cache.drop(clientId);
  }

  private async load(clientId: string): Promise<KnownClient | null> {
    const rows = await this.store.findWithSecrets(clientId);
    const [client] = rows;
    if (!client) return null;
    const known = settings.parse(client.settings);
    return {
      clientId,
      epoch: client.epoch,
      suspended: client.status === 'suspended',
      settings: known,
      linkSettings: linkSettings.strip().parse(known),
      linkKeys: rows.flatMap((row) => (row.secretId === null ? [] : this.open(clientId, row))),
    };
  }

  /** An ended secret that cannot be opened any more is no loss; one that verifies is. */
  private open(
    clientId: string,
    row: { secretId: string; sealed: string; verifiesUntil: Date | null; verifies: boolean },
  ): LinkKey[] {
    try {
      const secret = this.vault.open(row.sealed, linkSecretPlace(clientId, row.secretId));
      return [new LinkKey(row.secretId, secret, row.verifies, row.verifiesUntil?.getTime() ?? null)];
    } catch (error) {
      if (row.verifies) throw error;
      return [];
    }
  }
}
