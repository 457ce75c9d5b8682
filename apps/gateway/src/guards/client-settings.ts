import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { client } from '#contracts/client';
import type { Settings } from '#contracts/settings';
import { Briefly } from './briefly.js';

const lifeMs = 3_000;

/** The settings of clients, at most three seconds old. */
@Injectable()
export class ClientSettings {
  readonly #settings: Briefly<Settings | null>;

  constructor(bus: Bus) {
    this.#settings = new Briefly(
      lifeMs,
      async (clientId) => (await bus.ask(client.read, { clientId }))?.settings ?? null,
    );
  }

  /** `null` where there is no such client. */
  find(clientId: string): Promise<Settings | null> {
    return this.#settings.get(clientId);
  }
}
