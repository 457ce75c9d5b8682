import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy, MicroserviceOptions } from '@nestjs/microservices';
import { z } from 'zod';
import { runtimeEnv } from '#env/fields';
import { createLog } from '#log/log';
import { startOps } from '#ops/ops';
import { configOrExit, exitOnBug, stopOnSignal } from '#ops/process';
import { Readiness } from '#ops/readiness';
import { BusModule, type Line, openLine } from './bus.module.js';
import type { InstanceOf } from './serve.js';
import { BusStrategy } from './strategy.js';

@Module({})
class ServiceModule {}

const runtime = z.object(runtimeEnv);

/**
 * Runs a service process: its settings, its log, its private listener, NATS, and `root` served on the bus under the
 * service's name. The private listener answers before NATS or any store is reachable; the process waits for them for
 * ever. SIGTERM and SIGINT drain what is in hand (at most 1 s) before anything closes.
 *
 * @param name queue group and source of facts, e.g. `session`
 * @param env the process's settings; spreads `runtimeEnv`
 * @param root the service's module, made from its settings; it may inject `Bus`, `FactStream`, `Log` and `Readiness`
 */
export async function startService<Env extends typeof runtime>(
  name: string,
  env: Env,
  root: (config: Readonly<z.output<Env>>) => DynamicModule | Type,
): Promise<void> {
  const config = configOrExit(name, env);
  const log = createLog({ service: name, level: config.LOG_LEVEL });
  exitOnBug(log);

  const readiness = new Readiness(log);
  const ops = await startOps({ host: config.HOST, port: config.OPS_PORT, readiness, log });
  const closing: Serving['closing'] = [];
  stopOnSignal(log, async () => {
    readiness.stopping();
    for (const close of closing) await close();
    await ops.close();
  });

  const line = openLine({ name, natsUrl: config.NATS_URL, log, readiness });
  const strategy = new BusStrategy({ queue: name, connection: line.connection, log });
  await serve({ root: root(config), line, strategy, closing });
  readiness.serving();
  log.info('serving', { ops: ops.url });
}

export interface Serving {
  readonly root: DynamicModule | Type;
  readonly line: Line;
  readonly strategy: CustomTransportStrategy & { callDirectly(instanceOf: InstanceOf): void; close(): Promise<void> };
  /** Gets what ends the service again, in its order, as far as it has come. */
  readonly closing: (() => Promise<void>)[];
}

/** Runs a service's Nest application until it serves. Nest's own lines go where `startOps` has told them to. */
export async function serve({ root, line, strategy, closing }: Serving): Promise<void> {
  closing.push(
    () => strategy.close(),
    () => line.facts.close(),
  );
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(
    { module: ServiceModule, imports: [BusModule.over(line), root] },
    { strategy, abortOnError: false },
  );
  closing.push(() => app.close());
  strategy.callDirectly((controller) => app.get(controller, { strict: false }));
  await app.listen();
}
