import { startService } from '#bus/start-service';
import { auditEnv } from './audit.config.js';
import { AuditModule } from './audit.module.js';

await startService('audit', auditEnv, AuditModule.with);
