import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whether a fact is recorded is asked by its id, so the index that answers begins with it. One that begins with the client
 * is one of several, and Postgres, planning on an empty table, may choose another and read all entries of the client.
 */
export class RecordedFacts1764900000000 implements MigrationInterface {
  readonly name = 'RecordedFacts1764900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE entries DROP CONSTRAINT entries_fact, ADD CONSTRAINT entries_fact UNIQUE (fact_id, client_id)`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE entries DROP CONSTRAINT entries_fact, ADD CONSTRAINT entries_fact UNIQUE (client_id, fact_id)`,
    );
  }
}
