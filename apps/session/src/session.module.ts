import { type DynamicModule, Module } from '@nestjs/common';
import { Log } from '#log/log';
import { Outbox } from '#outbox/outbox';
import { OutboxModule } from '#outbox/outbox.module';
import { PostgresModule } from '#postgres/postgres.module';
import { Upkeep } from '#postgres/upkeep';
import { parseKeyRing } from '#secrets/key-ring';
import { Close } from './close.js';
import { Credentials } from './domain/credential.js';
import { FollowFacts } from './follow-facts.js';
import { Heard } from './heard.js';
import { List } from './list.js';
import { Open } from './open.js';
import { Read } from './read.js';
import { Refresh } from './refresh.js';
import type { SessionConfig } from './session.config.js';
import { SessionController } from './session.controller.js';
import { Snapshot } from './snapshot.js';
import { EpochsStore } from './store/epochs.store.js';
import { RevocationStore } from './store/revocation.store.js';
import { schema } from './store/schema.js';
import { SessionsStore } from './store/sessions.store.js';

/** What continues: sessions, their refresh chains, their end. */
@Module({})
export class SessionModule {
  static with({ DATABASE_URL, REFRESH_MAC_KEYS }: SessionConfig): DynamicModule {
    const credentials = new Credentials(parseKeyRing(REFRESH_MAC_KEYS.reveal()));
    return {
      module: SessionModule,
      imports: [PostgresModule.with({ url: DATABASE_URL, ...schema }), OutboxModule.with({ service: 'session' })],
      controllers: [SessionController],
      providers: [
        { provide: Credentials, useValue: credentials },
        SessionsStore,
        EpochsStore,
        RevocationStore,
        Open,
        Read,
        Refresh,
        Close,
        List,
        Snapshot,
        Heard,
        FollowFacts,
        { provide: Upkeep, inject: [SessionsStore, EpochsStore, Outbox, Log], useFactory: upkeep },
      ],
    };
  }
}

function upkeep(sessions: SessionsStore, epochs: EpochsStore, outbox: Outbox, log: Log): Upkeep {
  const jobs = {
    // Those that were opened while their epoch was being raised.
    'close stale sessions': async (most: number) => {
      const closed = await epochs.settleSome(most);
      outbox.kick();
      return closed;
    },
    'forget ended sessions': (most: number) => sessions.forget(most),
    'forget crowds': (most: number) => sessions.forgetCrowds(most),
    'forget old epochs': (most: number) => epochs.forget(most),
  };
  return new Upkeep({ everyMs: 60_000, log, jobs });
}
