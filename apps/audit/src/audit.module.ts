import { type DynamicModule, Module } from '@nestjs/common';
import { PostgresModule } from '#postgres/postgres.module';
import type { AuditConfig } from './audit.config.js';
import { AuditController } from './audit.controller.js';
import { List } from './list.js';
import { RecordFacts } from './record.js';
import { DeadFactsStore } from './store/dead-facts.store.js';
import { EntriesStore } from './store/entries.store.js';
import { schema } from './store/schema.js';
import { Verify } from './verify.js';

@Module({
  controllers: [AuditController],
  providers: [EntriesStore, DeadFactsStore, RecordFacts, List, Verify],
})
export class AuditModule {
  static with(config: AuditConfig): DynamicModule {
    return { module: AuditModule, imports: [PostgresModule.with({ ...schema, url: config.DATABASE_URL })] };
  }
}
