import {
  type DynamicModule,
  Global,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { Secret } from '#env/secret';
import { Log } from '#log/log';
import { metrics } from '#metrics/metrics';
import { Readiness } from '#ops/readiness';
import { Bus, type Carrier, NatsCarrier } from './bus.js';
import { Connection } from './connection.js';
import { FactStream } from './facts.js';
import { FactFeed } from './feed.js';
import { Requests } from './requests.js';

/** What a service calls itself, and where it says what happens. */
export interface LineOptions {
  /** The service: its queue group, the source of its facts. */
  readonly name: string;
  readonly log: Log;
  readonly readiness: Readiness;
}

export interface BusOptions extends LineOptions {
  readonly natsUrl: Secret;
}

/** A process's one connection to NATS, and what waits for an answer over it. */
export interface Link {
  readonly connection: Connection;
  readonly requests: Requests;
}

/** Everything of the bus that a service is given. */
export interface Line extends LineOptions, Link {
  readonly bus: Bus;
  readonly facts: FactStream;
  readonly feed: FactFeed;
  close(): Promise<void>;
}

/** Connects in the background: until NATS is there every ask over it answers `service.unavailable` at once. */
export function openLink({ name, natsUrl, log, readiness }: BusOptions): Link {
  const connection = new Connection({ name, url: natsUrl, log });
  metrics.connected.watch({}, () => Number(connection.connected));
  readiness.add('nats', async () => {
    const nats = connection.live;
    if (!nats) throw new Error('not connected');
    await nats.flush();
  });
  return { connection, requests: new Requests(connection) };
}

export async function closeLink({ connection, requests }: Link): Promise<void> {
  requests.close();
  await connection.close();
}

/** The line of one service over a link that others share, and that its owner closes. */
export function lineOver(link: Link, carrier: Carrier, options: LineOptions): Line {
  const { name, log } = options;
  const bus = new Bus(carrier, log);
  const facts = new FactStream({ service: name, ...link, log });
  const feed = new FactFeed(link.connection, log);
  return { ...options, ...link, bus, facts, feed, close: async () => {} };
}

/** The line of a service that is a process, with a link of its own. */
export function openLine(options: BusOptions): Line {
  const link = openLink(options);
  return { ...lineOver(link, new NatsCarrier(link.requests), options), close: () => closeLink(link) };
}

const lineOfService = Symbol('lineOfService');

/** Provides `Bus`, `FactStream`, `FactFeed`, `Log` and `Readiness` everywhere in a service. */
@Global()
@Module({})
export class BusModule implements OnModuleDestroy, OnApplicationShutdown {
  constructor(@Inject(lineOfService) private readonly line: Line) {}

  static over(line: Line): DynamicModule {
    const { bus, facts, feed, log, readiness } = line;
    return {
      module: BusModule,
      providers: [
        { provide: lineOfService, useValue: line },
        { provide: Bus, useValue: bus },
        { provide: FactStream, useValue: facts },
        { provide: FactFeed, useValue: feed },
        { provide: Log, useValue: log },
        { provide: Readiness, useValue: readiness },
      ],
      exports: [Bus, FactStream, FactFeed, Log, Readiness],
    };
  }

  /** Followers end first: they still need the stores, which close afterwards. */
  async onModuleDestroy(): Promise<void> {
    await this.line.facts.close();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.line.close();
  }
}
