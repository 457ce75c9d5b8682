import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createOutbox, dropOutbox } from '#outbox/table';

/** Users, the claims on e-mails, and the outbox. */
export class Users1763620000000 implements MigrationInterface {
  readonly name = 'Users1763620000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of up) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const sql of down) await runner.query(sql);
  }
}

const up = [
  // COLLATE "C": ids are compared byte for byte, and every statement takes its locks in the same order wherever it runs.
  // fillfactor: an arrival changes no indexed column, so its new row version should fit beside the old one (HOT).
  `CREATE TABLE users (
     client_id    text        NOT NULL COLLATE "C",
     user_id      uuid        NOT NULL,
     external_id  text        COLLATE "C",
     email        text        NOT NULL,
     email_key    text        COLLATE "C",
     username     text        NOT NULL,
     locale       text        NOT NULL,
     status       text        NOT NULL DEFAULT 'active',
     epoch        integer     NOT NULL DEFAULT 0,
     claims_as_of bigint      NOT NULL DEFAULT 0,
     taken_links  text[]      NOT NULL DEFAULT '{}',
     created_at   timestamptz NOT NULL DEFAULT now(),
     CONSTRAINT users_pkey PRIMARY KEY (client_id, user_id),
     CONSTRAINT users_status CHECK (status IN ('active', 'suspended')),
     CONSTRAINT users_placeholder CHECK ((email_key IS NULL) = (email LIKE '%@placeholder.invalid'))
   ) WITH (fillfactor = 80)`,
  'CREATE UNIQUE INDEX users_external_id ON users (client_id, external_id)',
  // The second wall: by the claims below no statement ever runs into it (S-35).
  'CREATE UNIQUE INDEX users_email ON users (client_id, email_key)',
  `CREATE TABLE emails (
     client_id text NOT NULL COLLATE "C",
     email     text NOT NULL COLLATE "C",
     owner     text NOT NULL COLLATE "C",
     CONSTRAINT emails_pkey PRIMARY KEY (client_id, email)
   )`,
  ...createOutbox,
];

const down = [...dropOutbox, 'DROP TABLE emails', 'DROP TABLE users'];
