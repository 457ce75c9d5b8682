import { type DynamicModule, Global, Module, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import type { Secret } from '#env/secret';
import { Log } from '#log/log';
import { metrics } from '#metrics/metrics';
import { Readiness } from '#ops/readiness';
import { Bus, NatsCarrier } from './bus.js';
import { Connection } from './connection.js';
import { FactStream } from './facts.js';
import { FactFeed } from './feed.js';
import { Requests } from './requests.js';

export interface BusOptions {
  /** The process: its queue group, the source of its facts, its name at the broker. */
  readonly name: string;
  readonly natsUrl: Secret;
  readonly log: Log;
  readonly readiness: Readiness;
}

/** Everything that hangs on a process's one connection. */
export interface Line extends BusOptions {
  readonly connection: Connection;
  readonly requests: Requests;
  readonly bus: Bus;
  readonly facts: FactStream;
  readonly feed: FactFeed;
}

/** Opens the line in the background: until NATS is there every ask answers `service.unavailable` at once. */
export function openLine(options: BusOptions): Line {
  const { name, natsUrl, log, readiness } = options;
  const connection = new Connection({ name, url: natsUrl, log });
  const requests = new Requests(connection);
  const bus = new Bus(new NatsCarrier(requests), log);
  const facts = new FactStream({ service: name, connection, requests, log });
  const feed = new FactFeed(connection, log);
  metrics.connected.watch({}, () => Number(connection.connected));
  readiness.add('nats', async () => {
    const nats = connection.live;
    if (!nats) throw new Error('not connected');
    await nats.flush();
  });
  return { ...options, connection, requests, bus, facts, feed };
}

/** Provides `Bus`, `FactStream`, `FactFeed`, `Log` and `Readiness` everywhere in a process. */
@Global()
@Module({})
export class BusModule implements OnModuleDestroy, OnApplicationShutdown {
  constructor(
    private readonly connection: Connection,
    private readonly requests: Requests,
    private readonly facts: FactStream,
  ) {}

  /** For a process with its own bootstrap (the gateway); services use `startService`. */
  static connect(options: BusOptions): DynamicModule {
    return BusModule.over(openLine(options));
  }

  static over({ connection, requests, bus, facts, feed, log, readiness }: Line): DynamicModule {
    const given = [Bus, FactStream, FactFeed, Log, Readiness];
    return {
      module: BusModule,
      providers: [
        { provide: Connection, useValue: connection },
        { provide: Requests, useValue: requests },
        { provide: Bus, useValue: bus },
        { provide: FactStream, useValue: facts },
        { provide: FactFeed, useValue: feed },
        { provide: Log, useValue: log },
        { provide: Readiness, useValue: readiness },
      ],
      exports: given,
    };
  }

  /** Followers end first: they still need the stores, which close afterwards. */
  async onModuleDestroy(): Promise<void> {
    await this.facts.close();
  }

  async onApplicationShutdown(): Promise<void> {
    this.requests.close();
    await this.connection.close();
  }
}
