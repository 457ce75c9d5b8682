import { Injectable } from '@nestjs/common';
import { ApiKeyStore, type StoredApiKey } from '../store/api-key.store.js';
import { FreshCache } from './fresh-cache.js';

/** What the store says of API keys, at most three seconds old. */
@Injectable()
export class KnownApiKeys {
  private readonly cache = new FreshCache((name) => this.load(name), {
    ttlMs: 3000,
    absentMs: 1000,
    most: 20_000,
  });

  constructor(private readonly store: ApiKeyStore) {}

  get(clientId: string, keyId: string): Promise<StoredApiKey | null> {
    return this.cache.get(`${clientId}/${keyId}`);
  }

  /** As the store has it after `since` (`performance.now()`). */
  newerThan(since: number, clientId: string, keyId: string): Promise<StoredApiKey | null> {
    return this.cache.newerThan(since, `${clientId}/${keyId}`);
  }

  drop(clientId: string, keyId: string): void {
    this.cache.drop(`${clientId}/${keyId}`);
  }

  private load(name: string): Promise<StoredApiKey | null> {
    const [clientId = '', keyId = ''] = name.split('/');
    return this.store.find(clientId, keyId);
  }
}
