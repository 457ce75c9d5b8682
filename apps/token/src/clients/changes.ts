import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { FactFeed } from '#bus/feed';
import type { FactType } from '#contracts/fact';
import { KnownApiKeys } from './known-api-keys.js';
import { KnownClients } from './known-clients.js';

const ofClients = [
  ...(['client.updated', 'client.suspended', 'client.restored'] as const),
  ...(['link_secret.created', 'link_secret.revoked'] as const),
] satisfies FactType[];
const ofKeys = ['key.rotated', 'key.deleted'] as const satisfies FactType[];

/** Hears what other replicas changed, so that no copy of it is believed any longer; without NATS three seconds do. */
@Injectable()
export class Changes implements OnModuleInit, OnModuleDestroy {
  private listening: { stop(): void } | undefined;

  constructor(
    private readonly feed: FactFeed,
    private readonly clients: KnownClients,
    private readonly keys: KnownApiKeys,
  ) {}

  onModuleInit(): void {
    this.listening = this.feed.listen({
      types: [...ofClients, ...ofKeys],
      fact: ({ clientId, subject }) => this.drop(clientId, subject),
      interrupted: () => undefined,
    });
  }

  onModuleDestroy(): void {
    this.listening?.stop();
  }

  private drop(clientId: string, subject: string): void {
    const [noun, id] = subject.split('/');
    if (noun === 'key' && id) this.keys.drop(clientId, id);
    else this.clients.drop(clientId);
  }
}
