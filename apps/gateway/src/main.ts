import { openLine } from '#bus/bus.module';
import { createLog } from '#log/log';
import { startOps } from '#ops/ops';
import { configOrExit, exitOnBug, stopOnSignal } from '#ops/process';
import { Readiness } from '#ops/readiness';
import { gatewayEnv } from './gateway.config.js';
import { createGateway } from './gateway.js';

const name = 'gateway';
const config = configOrExit(name, gatewayEnv);
const log = createLog({ service: name, level: config.LOG_LEVEL });
exitOnBug(log);

const readiness = new Readiness(log);
const ops = await startOps({ host: config.HOST, port: config.OPS_PORT, readiness, log });

const gateway = await createGateway(config, openLine({ name, natsUrl: config.NATS_URL, log, readiness }));
stopOnSignal(log, async () => {
  readiness.stopping();
  await gateway.close();
  await ops.close();
});

const url = await gateway.listen();
readiness.serving();
log.info('serving', { url, public: config.PUBLIC_URL, ops: ops.url });
