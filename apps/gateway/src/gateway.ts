import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BusModule, type Line } from '#bus/bus.module';
import { tracedAddresses } from './client-auth/client-auth.schema.js';
import type { GatewayConfig } from './gateway.config.js';
import { gatewayModule } from './gateway.module.js';
import { CallerGuard } from './guards/caller.guard.js';
import { Places } from './guards/places.js';
import { edgeAdapter, mindManners } from './http/edge.js';
import { SessionCookie } from './http/session-cookie.js';
import { answerKnownCallers } from './native/known-callers.js';
import { describeApi } from './native/openapi.js';

@Module({})
class GatewayProcess {}

export interface Gateway {
  /** Opens the public listener. @returns where */
  listen(): Promise<string>;
  /** Finishes what is in hand; a gateway that never listened may be closed too. */
  close(): Promise<void>;
}

/** The gateway's Nest application, on the line it asks by. Nest's own lines go where `startOps` has told them to. */
export async function createGateway(config: GatewayConfig, line: Line): Promise<Gateway> {
  const edge = { ...config, traced: config.TRACE_ENABLED ? tracedAddresses : new Map() };
  const app = await NestFactory.create<NestFastifyApplication>(
    { module: GatewayProcess, imports: [BusModule.over(line), gatewayModule(config)] },
    edgeAdapter(edge),
    { bodyParser: false, abortOnError: false },
  );
  return {
    close: () => app.close(),
    async listen() {
      const refuseOtherMethods = await mindManners(app, edge, app.get(Places));
      answerKnownCallers(app.getHttpAdapter().getInstance(), app.get(CallerGuard));
      describeApi(app, config.PUBLIC_URL, app.get(SessionCookie).name, edge.traced);
      await app.init();
      refuseOtherMethods();
      await app.listen(config.PORT, config.HOST);
      return app.getUrl();
    },
  };
}
