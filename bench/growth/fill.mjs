import { step } from '../../tools/launcher/steps.mjs';

/**
 * Makes a system's stores as full as years of work would: `size` users, sessions and recorded facts of its client, and as
 * many published facts in the outboxes. Rows that the system has written itself are multiplied, so that whatever columns
 * there are have likely values; the services must not run meanwhile. The hashes of the audit trail only look like hashes.
 * @param {{ postgres: string, env: { clientId: string } }} system
 */
export async function fill({ name, postgres, env: { clientId } }, size) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: postgres });
  await client.connect();
  try {
    // Rows as these have passed every trigger before, and nobody waits for the disk.
    await client.query(`SET session_replication_role = replica; SET synchronous_commit = off`);
    for (const [what, sql] of Object.entries(statements)) {
      await step(`${name}: ${what}`, async () => void (await client.query(sql, [clientId, size])));
    }
    await step(`${name}: statistics`, async () => void (await client.query('VACUUM ANALYZE')));
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}

/** For each n of 1 to the size a row like one of those there are, but for what `changes` gives by column. */
const multiplied = (table, of, changes) => `
  INSERT INTO ${table}
  SELECT made.* FROM generate_series(1, $2::int) AS n
  JOIN (
    SELECT one, row_number() OVER () - 1 AS place, count(*) OVER () AS kinds
    FROM (SELECT one FROM ${table} AS one WHERE client_id = $1 AND ${of} ORDER BY random() LIMIT 20) AS own
  ) AS pattern ON n % kinds = place
  CROSS JOIN LATERAL jsonb_populate_record(one, jsonb_build_object(${changes})) AS made`;

const published = (schema) =>
  multiplied(
    `${schema}.outbox`,
    'true',
    `'id', gen_random_uuid(), 'position', nextval('${schema}.outbox_position'), 'at', now(), 'published_at', now()`,
  );

const statements = {
  users: multiplied(
    'identity.users',
    'external_id IS NOT NULL',
    `'user_id', gen_random_uuid(), 'external_id', 'user-' || n, 'taken_links', '[]'::jsonb,
     'email', 'user-' || n || '@example.com', 'email_key', 'user-' || n || '@example.com', 'username', 'User user-' || n`,
  ),
  'e-mails': `
    INSERT INTO identity.emails (client_id, email, owner)
    SELECT $1, 'user-' || n || '@example.com', 'external:user-' || n FROM generate_series(1, $2::int) AS n`,
  sessions: multiplied(
    'session.sessions',
    'parent_id IS NULL',
    `'session_id', gen_random_uuid(), 'origin', 'bench:' || n,
     'origin_until', coalesce((one).origin_until, now() + interval '1 day'), 'created_at', now() - n % 10000 * interval '1 min',
     'subject', CASE WHEN (one).subject ~ '^[0-9a-f-]{36}$' THEN gen_random_uuid()::text ELSE (one).subject END`,
  ),
  'published facts of identity': published('identity'),
  'published facts of session': published('session'),
  'recorded facts': multiplied(
    'audit.entries',
    'true',
    `'seq', n + (SELECT seq FROM audit.chains WHERE client_id = $1), 'fact_id', gen_random_uuid(),
     'subject', 'bench/' || n, 'traceparent', '00-' || md5(n::text) || '-' || left(md5(n::text), 16) || '-01',
     'at', now() - ($2::int - n) * interval '10 ms', 'body', jsonb_set((one).body, '{userId}', to_jsonb(gen_random_uuid())),
     'previous', '\\x' || encode(sha256((n - 1)::text::bytea), 'hex'), 'hash', '\\x' || encode(sha256(n::text::bytea), 'hex')`,
  ),
  'the head of the chain': `
    UPDATE audit.chains SET seq = seq + $2::int, hash = sha256($2::int::text::bytea) WHERE client_id = $1`,
};
