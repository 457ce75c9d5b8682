import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Passwords, second factors, and the failures of those who tried them. */
export class Passwords1763650000000 implements MigrationInterface {
  readonly name = 'Passwords1763650000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of up) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const sql of down) await runner.query(sql);
  }
}

const up = [
  // Apart from users, who are read by everybody: no statement that reads a person reads a hash by the way.
  `CREATE TABLE passwords (
     client_id text NOT NULL COLLATE "C",
     user_id   uuid NOT NULL,
     hash      text NOT NULL,
     CONSTRAINT passwords_pkey PRIMARY KEY (client_id, user_id),
     CONSTRAINT passwords_user_fkey FOREIGN KEY (client_id, user_id) REFERENCES users ON DELETE CASCADE
   )`,
  `CREATE TABLE second_factors (
     client_id text   NOT NULL COLLATE "C",
     user_id   uuid   NOT NULL,
     sealed    text   NOT NULL,
     last_step bigint NOT NULL DEFAULT 0,
     CONSTRAINT second_factors_pkey PRIMARY KEY (client_id, user_id),
     CONSTRAINT second_factors_user_fkey FOREIGN KEY (client_id, user_id) REFERENCES users ON DELETE CASCADE
   )`,
  // Of no user: an e-mail that nobody bears is counted, locked and forgotten as any other (S-72).
  `CREATE TABLE password_failures (
     client_id text          NOT NULL COLLATE "C",
     whom      bytea         NOT NULL,
     failed_at timestamptz[] NOT NULL,
     in_a_row  integer       NOT NULL,
     latest    timestamptz   NOT NULL,
     CONSTRAINT password_failures_pkey PRIMARY KEY (client_id, whom)
   ) WITH (fillfactor = 80)`,
  'CREATE INDEX password_failures_latest ON password_failures (latest) WHERE in_a_row < 100',
];

const down = ['DROP TABLE password_failures', 'DROP TABLE second_factors', 'DROP TABLE passwords'];
