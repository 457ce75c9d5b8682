import type { Type } from '@nestjs/common';
import { type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { Secret } from '#env/secret';
import { createLog, type Log } from '#log/log';
import { Readiness } from '#ops/readiness';
import { BusModule, type Line, openLine } from './bus.module.js';
import { BusStrategy } from './strategy.js';

/** A log whose lines a spec reads. */
function listeningLog(service = 'spec'): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ service, level: 'debug', write: (line) => lines.push(JSON.parse(line)) });
  return { log, lines };
}

export interface Replica {
  readonly line: Line;
  readonly strategy: BusStrategy;
  readonly app: INestMicroservice;
  readonly lines: Record<string, unknown>[];
}

@Module({})
class Root {}

/** One replica of a service in this process, as `startService` builds it. */
export async function startReplica(name: string, natsUrl: Secret, controller: Type, most?: number): Promise<Replica> {
  const { log, lines } = listeningLog(name);
  const line = openLine({ name, natsUrl, log, readiness: new Readiness(log) });
  const strategy = new BusStrategy({ queue: name, connection: line.connection, log, ...(most && { most }) });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(
    { module: Root, imports: [BusModule.over(line)], controllers: [controller] },
    { strategy, logger: false, abortOnError: false },
  );
  strategy.callDirectly((type) => app.get(type, { strict: false }));
  await app.listen();
  return { line, strategy, app, lines };
}

/** An asking process without a service. */
export function openSpecLine(natsUrl: Secret): Line & { lines: Record<string, unknown>[] } {
  const { log, lines } = listeningLog();
  return { ...openLine({ name: 'spec', natsUrl, log, readiness: new Readiness(log) }), lines };
}
