import { startService } from '#bus/start-service';
import { identityEnv } from './identity.config.js';
import { IdentityModule } from './identity.module.js';

await startService('identity', identityEnv, IdentityModule.with);
