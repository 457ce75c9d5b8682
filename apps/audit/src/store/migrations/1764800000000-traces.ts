import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a request has caused is found by its trace id: the second part of a `traceparent` (W3C Trace Context). */
export class Traces1764800000000 implements MigrationInterface {
  readonly name = 'Traces1764800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX entries_trace ON entries (split_part(traceparent, '-', 2), seq)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX entries_trace');
  }
}
