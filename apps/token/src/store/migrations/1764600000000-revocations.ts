import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the revocation set is read from: few rows of many. */
export class Revocations1764600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX clients_once_suspended ON clients (client_id) WHERE epoch > 0');
    await runner.query('CREATE INDEX api_keys_deleted ON api_keys (client_id, key_id) WHERE deleted_at IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX api_keys_deleted');
    await runner.query('DROP INDEX clients_once_suspended');
  }
}
