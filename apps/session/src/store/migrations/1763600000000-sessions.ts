import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createOutbox, dropOutbox } from '#outbox/table';

export class Sessions1763600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...createSessions, ...createOutbox]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of [...dropOutbox, 'DROP TABLE epochs', 'DROP TABLE sessions']) await runner.query(statement);
  }
}

const createSessions = [
  // Room on each page keeps a rotation beside the row it replaces, without touching an index.
  `CREATE TABLE sessions (
    client_id    text        NOT NULL,
    session_id   uuid        NOT NULL,
    subject      text        NOT NULL,
    epoch        integer     NOT NULL,
    protocol     text        NOT NULL,
    scopes       jsonb       NOT NULL,
    origin       text,
    origin_until timestamptz,
    generation   integer     NOT NULL DEFAULT 0,
    mac_key      text        NOT NULL,
    rotated_at   timestamptz,
    verdict      text,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    closed_at    timestamptz,
    close_reason text,
    PRIMARY KEY (client_id, session_id),
    CONSTRAINT sessions_origin_has_end CHECK ((origin IS NULL) = (origin_until IS NULL))
  ) WITH (fillfactor = 80)`,
  'CREATE UNIQUE INDEX sessions_by_origin ON sessions (client_id, origin) WHERE origin IS NOT NULL',
  'CREATE INDEX sessions_by_subject ON sessions (client_id, subject, created_at) WHERE closed_at IS NULL',
  'CREATE INDEX sessions_forgettable ON sessions (greatest(least(closed_at, expires_at), origin_until))',
  `CREATE TABLE epochs (
    client_id   text    NOT NULL,
    subject     text    NOT NULL,
    least_epoch integer NOT NULL,
    PRIMARY KEY (client_id, subject)
  )`,
];
