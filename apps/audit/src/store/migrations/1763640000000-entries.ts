import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Entries, the heads of their chains, and the facts that could not be recorded. */
export class Entries1763640000000 implements MigrationInterface {
  readonly name = 'Entries1763640000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of up) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const sql of down) await runner.query(sql);
  }
}

const up = [
  // `body` is jsonb although it is hashed: the hash is over canonical JSON (RFC 8785), which a reader recomputes from
  // the value, so no second copy of the text can come to differ from it. Nor is there a column beside it for the user or
  // the support ids: they are looked up by index on the body, so nothing that serves look-ups escapes the hash.
  `CREATE TABLE entries (
     client_id   text           NOT NULL COLLATE "C",
     seq         bigint         NOT NULL,
     fact_id     text           NOT NULL COLLATE "C",
     type        text           NOT NULL COLLATE "C",
     subject     text           NOT NULL,
     at          timestamptz(3) NOT NULL,
     traceparent text,
     body        jsonb          NOT NULL,
     previous    bytea          NOT NULL,
     hash        bytea          NOT NULL,
     CONSTRAINT entries_pkey PRIMARY KEY (client_id, seq),
     CONSTRAINT entries_fact UNIQUE (client_id, fact_id)
   )`,
  `CREATE INDEX entries_type ON entries (client_id, type, seq)`,
  // Not partial: Postgres takes no statistics from a partial index, and without them it would rather read by time.
  `CREATE INDEX entries_user ON entries ((body ->> 'userId'), seq)`,
  `CREATE INDEX entries_supports ON entries USING gin (
     (jsonb_path_query_array(body, '$.support') || jsonb_path_query_array(body, '$.supports[*]'))
   ) WHERE body ? 'support'`,
  `CREATE INDEX entries_at ON entries (at)`,

  // Updated with every batch: room on the page keeps those updates off the index.
  `CREATE TABLE chains (
     client_id text   NOT NULL COLLATE "C",
     seq       bigint NOT NULL,
     hash      bytea  NOT NULL,
     CONSTRAINT chains_pkey PRIMARY KEY (client_id)
   ) WITH (fillfactor = 50)`,

  // The fact is kept as JSON text, which escapes what Postgres text and jsonb refuse.
  `CREATE TABLE dead_facts (
     client_id text        NOT NULL COLLATE "C",
     digest    bytea       NOT NULL,
     fact      text        NOT NULL,
     problem   text        NOT NULL,
     at        timestamptz NOT NULL DEFAULT now(),
     CONSTRAINT dead_facts_pkey PRIMARY KEY (client_id, digest)
   )`,

  // S-113: append-only for every role of the service; only who may alter the table gets past it, and leaves a broken chain.
  `CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
   END $$`,
  `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
     FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`,
  `CREATE TRIGGER keep_heads BEFORE DELETE OR TRUNCATE ON chains
     FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`,
];

const down = [`DROP TABLE entries, chains, dead_facts`, `DROP FUNCTION refuse_change`];
