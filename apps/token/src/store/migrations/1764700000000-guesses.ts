import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What guards secrets below 64 bit. Rows have room for the next counts, so that these touch no index. */
export class Guesses1764700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE user_guesses (
      client_id text COLLATE "C" NOT NULL REFERENCES clients,
      user_hash bytea NOT NULL,
      user_id uuid NOT NULL,
      token_id uuid,
      live_until timestamptz NOT NULL,
      of_token integer NOT NULL DEFAULT 0,
      in_a_row integer NOT NULL DEFAULT 0,
      guessed_at timestamptz[] NOT NULL DEFAULT '{}',
      evaluated bigint NOT NULL DEFAULT 0,
      PRIMARY KEY (client_id, user_hash)
    ) WITH (fillfactor = 70)`);
    await runner.query('CREATE INDEX user_guesses_live_until ON user_guesses (live_until)');
    await runner.query(`CREATE TABLE client_guesses (
      client_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES clients,
      guessed_at timestamptz[] NOT NULL DEFAULT '{}',
      evaluated bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 20)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE client_guesses');
    await runner.query('DROP TABLE user_guesses');
  }
}
