import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BusModule } from '#bus/bus.module';
import { createLog } from '#log/log';
import { startOps } from '#ops/ops';
import { configOrExit, exitOnBug, stopOnSignal } from '#ops/process';
import { Readiness } from '#ops/readiness';
import { tracedAddresses } from './client-auth/client-auth.schema.js';
import { gatewayEnv } from './gateway.config.js';
import { gatewayModule } from './gateway.module.js';
import { Places } from './guards/places.js';
import { edgeAdapter, mindManners } from './http/edge.js';
import { SessionCookie } from './http/session-cookie.js';
import { describeApi } from './native/openapi.js';

@Module({})
class GatewayProcess {}

const name = 'gateway';
const config = configOrExit(name, gatewayEnv);
const edge = { ...config, traced: config.TRACE_ENABLED ? tracedAddresses : new Map() };
const log = createLog({ service: name, level: config.LOG_LEVEL });
exitOnBug(log);

const readiness = new Readiness(log);
const ops = await startOps({ host: config.HOST, port: config.OPS_PORT, readiness, log });

const app = await NestFactory.create<NestFastifyApplication>(
  {
    module: GatewayProcess,
    imports: [BusModule.connect({ name, natsUrl: config.NATS_URL, log, readiness }), gatewayModule(config)],
  },
  edgeAdapter(edge),
  { logger: log.forNest(), bodyParser: false, abortOnError: false },
);
stopOnSignal(log, async () => {
  readiness.stopping();
  await app.close();
  await ops.close();
});

const refuseOtherMethods = await mindManners(app, edge, app.get(Places));
describeApi(app, config.PUBLIC_URL, app.get(SessionCookie).name, edge.traced);
await app.init();
refuseOtherMethods();
await app.listen(config.PORT, config.HOST);
readiness.serving();
log.info('serving', { url: await app.getUrl(), public: config.PUBLIC_URL, ops: ops.url });
