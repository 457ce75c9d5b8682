/** Days a partition is kept after its end, so that a lost stream can be rebuilt (state.md, "Facts"). */
const daysKept = 7;

/**
 * Makes the partitions of today and the next two days (UTC).
 *
 * Where rows of a day have already gone into the default partition Postgres refuses that day's own (check_violation):
 * they stay there.
 */
export const createPartitions = `
DO $$
DECLARE
  day date;
BEGIN
  FOR ahead IN 0..2 LOOP
    day := (now() AT TIME ZONE 'UTC')::date + ahead;
    IF to_regclass(format('outbox_%s', to_char(day, 'YYYYMMDD'))) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE TABLE outbox_%s PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)',
          to_char(day, 'YYYYMMDD'), day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
      EXCEPTION WHEN check_violation THEN NULL;
      END;
    END IF;
  END LOOP;
END $$`;

/** Drops the partitions that have had their days, but never one with a row that is not marked as published. */
export const dropPartitions = `
DO $$
DECLARE
  name text;
  waits boolean;
BEGIN
  FOR name IN
    SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = 'outbox'::regclass AND relname ~ '^outbox_[0-9]{8}$'
      AND to_date(right(relname, 8), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC')::date - ${daysKept}
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE published_at IS NULL)', name) INTO waits;
    IF NOT waits THEN
      EXECUTE format('DROP TABLE %I', name);
    END IF;
  END LOOP;
  DELETE FROM outbox_default WHERE published_at IS NOT NULL AND at < now() - interval '${daysKept + 1} days';
END $$`;

/**
 * For a service's migration. A service inserts `(client_id, type, subject, traceparent, body)` in the statement that
 * makes the change; the table gives the rest. Write the fact *after* the change it tells (a CTE that reads the change's
 * RETURNING does): `position` orders an aggregate's facts only because the row it changed was locked before.
 *
 * No primary key: nothing looks a fact up, and an index on random ids would cost every insert a page. The default
 * partition takes what no day takes: an insert never fails for want of a partition.
 */
export const createOutbox: string[] = [
  'CREATE SEQUENCE outbox_position',
  `CREATE TABLE outbox (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    position bigint NOT NULL DEFAULT nextval('outbox_position'),
    client_id text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    traceparent text,
    at timestamptz NOT NULL DEFAULT now(),
    body jsonb NOT NULL,
    published_at timestamptz
  ) PARTITION BY RANGE (at)`,
  'ALTER SEQUENCE outbox_position OWNED BY outbox.position',
  'CREATE INDEX outbox_unpublished ON outbox (position) WHERE published_at IS NULL',
  'CREATE TABLE outbox_default PARTITION OF outbox DEFAULT',
  createPartitions,
];

export const dropOutbox: string[] = ['DROP TABLE outbox'];
