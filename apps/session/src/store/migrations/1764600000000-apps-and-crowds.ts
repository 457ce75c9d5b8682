import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AppsAndCrowds1764600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of extend) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of reduce) await runner.query(statement);
  }
}

const extend = [
  `ALTER TABLE sessions
     ADD COLUMN auth_time timestamptz,
     ADD COLUMN app_hash  bytea,
     ADD COLUMN app_named boolean,
     ADD CONSTRAINT sessions_app_is_named_or_not CHECK ((app_hash IS NULL) = (app_named IS NULL))`,
  'UPDATE sessions SET auth_time = created_at',
  // Whoever hangs on another session was asked who they are when the topmost began (S-71).
  `WITH RECURSIVE line AS (
     SELECT client_id, session_id, auth_time FROM sessions WHERE parent_id IS NULL
     UNION ALL
     SELECT child.client_id, child.session_id, line.auth_time
     FROM line JOIN sessions child ON child.parent_id = line.session_id AND child.client_id = line.client_id
   )
   UPDATE sessions SET auth_time = line.auth_time
   FROM line
   WHERE sessions.parent_id IS NOT NULL
     AND sessions.client_id = line.client_id AND sessions.session_id = line.session_id`,
  'ALTER TABLE sessions ALTER COLUMN auth_time SET NOT NULL',
  `CREATE TABLE crowds (
    client_id   text        NOT NULL,
    subject     text        NOT NULL,
    protocol    text        NOT NULL,
    last_at     timestamptz NOT NULL,
    previous_at timestamptz,
    PRIMARY KEY (client_id, subject, protocol)
  )`,
  'CREATE INDEX crowds_forgettable ON crowds (last_at)',
];

const reduce = [
  'DROP TABLE crowds',
  'ALTER TABLE sessions DROP COLUMN app_named, DROP COLUMN app_hash, DROP COLUMN auth_time',
];
