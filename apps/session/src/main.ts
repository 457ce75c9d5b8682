import { startService } from '#bus/start-service';
import { sessionEnv } from './session.config.js';
import { SessionModule } from './session.module.js';

await startService('session', sessionEnv, (config) => SessionModule.with(config));
