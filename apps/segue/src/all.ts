import { z } from 'zod';
import { OneProcess } from '#bus/one-process';
import { createLog } from '#log/log';
import { startOps } from '#ops/ops';
import { configOrExit, exitOnBug, stopOnSignal } from '#ops/process';
import { Readiness } from '#ops/readiness';
import { auditEnv } from '../../audit/src/audit.config.js';
import { AuditModule } from '../../audit/src/audit.module.js';
import { gatewayEnv } from '../../gateway/src/gateway.config.js';
import { createGateway, type Gateway } from '../../gateway/src/gateway.js';
import { identityEnv } from '../../identity/src/identity.config.js';
import { IdentityModule } from '../../identity/src/identity.module.js';
import { sessionEnv } from '../../session/src/session.config.js';
import { SessionModule } from '../../session/src/session.module.js';
import { tokenEnv } from '../../token/src/token.config.js';
import { TokenModule } from '../../token/src/token.module.js';

const name = 'segue';
const config = configOrExit(
  name,
  z.object({
    ...gatewayEnv.shape,
    ...identityEnv.shape,
    ...tokenEnv.shape,
    ...sessionEnv.shape,
    ...auditEnv.shape,
  }),
);
const log = createLog({ service: name, level: config.LOG_LEVEL });
exitOnBug(log);

const readiness = new Readiness(log);
const ops = await startOps({ host: config.HOST, port: config.OPS_PORT, readiness, log });
const services = new OneProcess({ name, natsUrl: config.NATS_URL, logLevel: config.LOG_LEVEL, log, readiness });

let gateway: Gateway | undefined;
stopOnSignal(log, async () => {
  readiness.stopping();
  await gateway?.close();
  await services.close();
  await ops.close();
});

await Promise.all([
  services.serve('identity', IdentityModule.with(config)),
  services.serve('token', TokenModule.with(config)),
  services.serve('session', SessionModule.with(config)),
  services.serve('audit', AuditModule.with(config)),
]);
const line = services.lineOf('gateway');
gateway = await createGateway(config, line);
const url = await gateway.listen();
line.readiness.serving();
readiness.serving();
log.info('serving', { url, public: config.PUBLIC_URL, ops: ops.url });
