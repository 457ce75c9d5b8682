import { Controller, type DynamicModule, Get, Module, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { HealthCheckService, type HealthIndicatorResult, TerminusModule } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Log } from '#log/log';
import { exposition } from '#metrics/exposition';
import { Readiness } from './readiness.js';

/** What an orchestrator asks a process. Answers name parts and states, never a reason: those stand in the log. */
@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: Readiness,
  ) {}

  /** Answers as long as the event loop turns; waiting for Postgres or NATS is no reason for a restart. */
  @Get('live')
  live() {
    return { status: 'ok' };
  }

  @Get('ready')
  ready() {
    return this.health.check([() => this.#parts()]);
  }

  async #parts(): Promise<HealthIndicatorResult> {
    const parts = await this.readiness.parts();
    return Object.fromEntries([...parts].map(([name, status]) => [name, { status }]));
  }
}

/** What Prometheus scrapes (docs/metrics.md). */
@Controller('metrics')
class MetricsController {
  @Get()
  async metrics(@Res() reply: FastifyReply) {
    const { type, text } = await exposition();
    return reply.type(type).send(text);
  }
}

@Module({})
class OpsModule {
  static about(readiness: Readiness): DynamicModule {
    return {
      module: OpsModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController, MetricsController],
      providers: [{ provide: Readiness, useValue: readiness }],
    };
  }
}

export interface OpsOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly readiness: Readiness;
  readonly log: Log;
}

export interface Ops {
  /** Where it listens, e.g. `http://127.0.0.1:9080`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the private listener (`/health/live`, `/health/ready`, `/metrics`): before anything that may have to wait. */
export async function startOps({ host, port, readiness, log }: OpsOptions): Promise<Ops> {
  const app = await NestFactory.create<NestFastifyApplication>(OpsModule.about(readiness), new FastifyAdapter(), {
    logger: log.forNest(),
    abortOnError: false,
    forceCloseConnections: true,
  });
  await app.listen(port, host);
  return { url: await app.getUrl(), close: () => app.close() };
}
