import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { FactFeed } from '#bus/feed';
import type { Fact } from '#contracts/fact';
import { Log } from '#log/log';
import { OneTimeTokenStore } from './store/one-time-token.store.js';

/**
 * Removes the one-time tokens of sessions that were closed. Only for tidiness: `session.open` refuses the child of a
 * closed parent, so nothing is lost with a fact that nobody heard.
 */
@Injectable()
export class ClosedParents implements OnModuleInit, OnModuleDestroy {
  private listening: { stop(): void } | undefined;

  constructor(
    private readonly feed: FactFeed,
    private readonly tokens: OneTimeTokenStore,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.listening = this.feed.listen({
      types: ['session.closed'],
      fact: (fact) => void this.forgetChildren(fact),
      interrupted: () => undefined,
    });
  }

  onModuleDestroy(): void {
    this.listening?.stop();
  }

  private async forgetChildren({ clientId, subject }: Fact): Promise<void> {
    const parentId = subject.slice('session/'.length);
    await this.tokens.forgetChildren({ clientId, parentId }).catch((err: unknown) => {
      this.log.debug('tokens of a closed session wait for their end', { err });
    });
  }
}
