import { Injectable } from '@nestjs/common';
import type { Received, Reply } from '#contracts/service';
import type { token } from '#contracts/token';
import { userHash } from './domain/custom-token.js';
import { GuessStore } from './store/guess.store.js';

/** Lets a user's short secrets be guessed at again; the counts of the hour and the day stay. */
@Injectable()
export class Unlock {
  constructor(private readonly guesses: GuessStore) {}

  async run({ clientId, externalId }: Received<typeof token.unlock>): Promise<Reply<typeof token.unlock>> {
    await this.guesses.unlock({ clientId, userHash: userHash(clientId, externalId) });
    return null;
  }
}
