import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ParentsAndRevocations1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of extend) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of reduce) await runner.query(statement);
  }
}

const extend = [
  // What is open already was opened before any client's epoch was compared.
  'ALTER TABLE sessions ADD COLUMN parent_id uuid, ADD COLUMN client_epoch integer NOT NULL DEFAULT 0',
  'ALTER TABLE sessions ALTER COLUMN client_epoch DROP DEFAULT',
  'CREATE INDEX sessions_by_parent ON sessions (parent_id, client_id) WHERE parent_id IS NOT NULL',
  'CREATE INDEX sessions_revoked ON sessions (expires_at, client_id, session_id) WHERE closed_at IS NOT NULL',
  `ALTER TABLE epochs
     ADD COLUMN raised_at     timestamptz NOT NULL DEFAULT now(),
     ADD COLUMN settled_at    timestamptz,
     ADD COLUMN matters_until timestamptz NOT NULL DEFAULT now() + interval '25 hours'`,
  `ALTER TABLE epochs ALTER COLUMN raised_at DROP DEFAULT, ALTER COLUMN matters_until DROP DEFAULT`,
  'CREATE INDEX epochs_unsettled ON epochs (raised_at) WHERE settled_at IS NULL',
  'CREATE INDEX epochs_mattering ON epochs (matters_until, client_id, subject)',
];

const reduce = [
  'DROP INDEX epochs_mattering, epochs_unsettled, sessions_revoked, sessions_by_parent',
  'ALTER TABLE epochs DROP COLUMN matters_until, DROP COLUMN settled_at, DROP COLUMN raised_at',
  'ALTER TABLE sessions DROP COLUMN client_epoch, DROP COLUMN parent_id',
];
