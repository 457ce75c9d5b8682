import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Anonymous accounts and what they were merged into, and the memory of erased users. */
export class AnonymousAndErased1763640000000 implements MigrationInterface {
  readonly name = 'AnonymousAndErased1763640000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of up) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const sql of down) await runner.query(sql);
  }
}

const up = [
  // merged_into: oneself where an anonymous account became a user, else who absorbed it.
  `ALTER TABLE users
     ADD COLUMN handle_hash     bytea,
     ADD COLUMN anonymous_until timestamptz,
     ADD COLUMN merged_into     uuid,
     DROP CONSTRAINT users_status,
     ADD CONSTRAINT users_status CHECK (status IN ('active', 'suspended', 'merged', 'erased')),
     ADD CONSTRAINT users_anonymous CHECK ((handle_hash IS NULL) = (anonymous_until IS NULL)),
     ADD CONSTRAINT users_alias CHECK ((status = 'merged') = (merged_into IS NOT NULL AND merged_into <> user_id)),
     ADD CONSTRAINT users_gone CHECK (status IN ('active', 'suspended') OR external_id IS NULL AND email_key IS NULL)`,
  'CREATE UNIQUE INDEX users_handle ON users (client_id, handle_hash) WHERE handle_hash IS NOT NULL',
  'CREATE INDEX users_unmerged ON users (anonymous_until) WHERE anonymous_until IS NOT NULL AND merged_into IS NULL',
  // erased_at in seconds, as the asOf of a link it is compared with.
  `CREATE TABLE erased (
     client_id        text   NOT NULL COLLATE "C",
     external_id_hash bytea  NOT NULL,
     erased_at        bigint NOT NULL,
     CONSTRAINT erased_pkey PRIMARY KEY (client_id, external_id_hash)
   )`,
  // The wall behind the look that every arrival takes: a statement that began before an erasure does not see it, but
  // this function does, because it takes a snapshot of its own, after the new row stands in the index of externalIds.
  // So no user ever bears an externalId and claims from before its erasure.
  `CREATE FUNCTION refuse_erased() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF EXISTS (
         SELECT FROM erased
         WHERE client_id = NEW.client_id AND external_id_hash = sha256(convert_to(NEW.external_id, 'UTF8'))
           AND erased_at >= NEW.claims_as_of
       ) THEN
         RAISE EXCEPTION 'The user was erased after this' USING ERRCODE = 'SG001';
       END IF;
       RETURN NULL;
     END $$`,
  `CREATE TRIGGER users_erased_on_insert AFTER INSERT ON users FOR EACH ROW
     WHEN (NEW.external_id IS NOT NULL) EXECUTE FUNCTION refuse_erased()`,
  `CREATE TRIGGER users_erased_on_update AFTER UPDATE OF external_id ON users FOR EACH ROW
     WHEN (NEW.external_id IS NOT NULL AND NEW.external_id IS DISTINCT FROM OLD.external_id)
     EXECUTE FUNCTION refuse_erased()`,
];

const down = [
  'DROP TRIGGER users_erased_on_update ON users',
  'DROP TRIGGER users_erased_on_insert ON users',
  'DROP FUNCTION refuse_erased',
  'DROP TABLE erased',
  'DROP INDEX users_unmerged',
  'DROP INDEX users_handle',
  // What has no place in the older table: tombstones and aliases go, an anonymous account stays as a user without handle.
  `DELETE FROM users WHERE status IN ('merged', 'erased')`,
  `ALTER TABLE users
     DROP CONSTRAINT users_gone,
     DROP CONSTRAINT users_alias,
     DROP CONSTRAINT users_anonymous,
     DROP CONSTRAINT users_status,
     ADD CONSTRAINT users_status CHECK (status IN ('active', 'suspended')),
     DROP COLUMN merged_into,
     DROP COLUMN anonymous_until,
     DROP COLUMN handle_hash`,
];
