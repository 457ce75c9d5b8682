import 'reflect-metadata';
import { startService } from '#bus/start-service';
import { tokenEnv } from './token.config.js';
import { TokenModule } from './token.module.js';

await startService('token', tokenEnv, (config) => TokenModule.with(config));
