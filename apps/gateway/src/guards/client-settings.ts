import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { FactFeed } from '#bus/feed';
import { type ClientView, client } from '#contracts/client';
import type { Settings } from '#contracts/settings';
import { Briefly } from './briefly.js';

const lifeMs = 3_000;

/** The facts after which what is known of a client is old. */
export const changesOfClients = ['client.created', 'client.updated', 'client.suspended', 'client.restored'] as const;

/** Clients with their settings: a change is known as soon as it is heard of, and at the latest after three seconds. */
@Injectable()
export class ClientSettings {
  readonly #clients: Briefly<ClientView | null>;

  constructor(bus: Bus, feed: FactFeed) {
    this.#clients = new Briefly(lifeMs, (clientId) => bus.ask(client.read, { clientId }));
    feed.listen({
      types: changesOfClients,
      fact: ({ clientId }) => this.#clients.forget(clientId),
      interrupted: () => this.#clients.forgetAll(),
    });
  }

  /** `null` where there is no such client. */
  async find(clientId: string): Promise<Settings | null> {
    return (await this.#clients.get(clientId))?.settings ?? null;
  }

  /** Whether others may show the client's pages in a frame: then its cookie is another kind. */
  async isEmbedded(clientId: string): Promise<boolean> {
    const settings = await this.find(clientId);
    return settings !== null && settings.embedOrigins.length > 0;
  }

  /** A client that nobody need be asked for. */
  at(clientId: string): ClientView | undefined {
    return this.#clients.at(clientId) ?? undefined;
  }

  /** With its standing; `null` where there is no such client. */
  standing(clientId: string): Promise<ClientView | null> {
    return this.#clients.get(clientId);
  }
}
