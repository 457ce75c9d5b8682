import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createOutbox, dropOutbox } from '#outbox/table';

export class Token1763600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const sql of [...tables, ...createOutbox]) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['signing_keys', 'api_keys', 'link_secrets', 'clients']) {
      await runner.query(`DROP TABLE ${table}`);
    }
    for (const sql of dropOutbox) await runner.query(sql);
  }
}

const tables = [
  `CREATE TABLE clients (
    client_id text COLLATE "C" NOT NULL PRIMARY KEY,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    epoch integer NOT NULL DEFAULT 0,
    settings jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE TABLE link_secrets (
    client_id text COLLATE "C" NOT NULL REFERENCES clients,
    secret_id text COLLATE "C" NOT NULL,
    sealed text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    verifies_until timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (client_id, secret_id)
  )`,
  `CREATE TABLE api_keys (
    client_id text COLLATE "C" NOT NULL REFERENCES clients,
    key_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('private', 'public')),
    digest bytea NOT NULL,
    scopes text[] NOT NULL,
    epoch integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    rotated_until timestamptz,
    deleted_at timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (client_id, key_id)
  )`,
  `CREATE TABLE signing_keys (
    kid text NOT NULL PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('next', 'current', 'retired')),
    sealed text,
    x text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    verifies_until timestamptz
  )`,
  `CREATE UNIQUE INDEX signing_keys_state ON signing_keys (state) WHERE state <> 'retired'`,
];
