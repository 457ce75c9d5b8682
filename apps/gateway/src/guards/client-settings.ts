import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { type ClientView, client } from '#contracts/client';
import type { Settings } from '#contracts/settings';
import { Briefly } from './briefly.js';

const lifeMs = 3_000;

/** Clients with their settings, at most three seconds old. */
@Injectable()
export class ClientSettings {
  readonly #clients: Briefly<ClientView | null>;

  constructor(bus: Bus) {
    this.#clients = new Briefly(lifeMs, (clientId) => bus.ask(client.read, { clientId }));
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

  /** With its standing; `null` where there is no such client. */
  standing(clientId: string): Promise<ClientView | null> {
    return this.#clients.get(clientId);
  }
}
