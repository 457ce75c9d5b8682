import type { NewFact } from '#contracts/fact';
import { type Queryable, statement } from '#postgres/postgres';
import { byIndex, byKey, type Guarded, namesOf } from './guarded.js';
import type { Admitted } from './guess-counting.js';

/** A guess that was right, and the fact that tells it. */
export interface Right extends Guarded, Pick<Admitted, 'tokenId' | 'countedAt'> {
  readonly fact: NewFact;
  readonly traceparent: string | null;
}

/** At most one row a user. */
export async function clearAll(postgres: Queryable, rows: readonly Right[]): Promise<void> {
  const facts = rows.map(({ fact }) => fact);
  await postgres.query(clear, [
    ...namesOf(rows),
    rows.map(({ tokenId }) => tokenId),
    rows.map(({ countedAt }) => countedAt),
    facts.map(({ type }) => type),
    facts.map(({ subject }) => subject),
    rows.map(({ traceparent }) => traceparent),
    facts.map(({ body }) => JSON.stringify(body)),
  ]);
}

/** `guessed_at` without one instant for each right guess that was counted then. */
const lowered = (whose: string) => `ARRAY(
       SELECT at FROM (SELECT at, row_number() OVER (PARTITION BY at) AS nth FROM unnest(g.guessed_at) AS at) AS each
       WHERE nth > (SELECT count(*) FROM spent r WHERE ${whose} AND r.counted_at = at)
       ORDER BY at)`;

/**
 * Counting the clients that are locked has all locks taken before the first row is changed.
 *
 * `(SELECT $1)` hides from the planner how many rows there are (decision 0009): else it plans anew for each that comes
 * alone, a third of what the statement takes.
 */
const clear = statement(
  'token.clear_guesses',
  `WITH spent AS (
     SELECT *
     FROM unnest((SELECT $1::text[]), $2::bytea[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[])
       AS spent (client_id, user_hash, token_id, counted_at, type, subject, traceparent, body)
   ), locked AS MATERIALIZED (
     SELECT named.client_id
     FROM (SELECT client_id, user_hash FROM spent ORDER BY client_id, user_hash) AS named, LATERAL (
       SELECT FROM user_guesses g WHERE ${byKey('g', 'named')} FOR UPDATE
     ) AS g
   ), locked_clients AS MATERIALIZED (
     SELECT named.client_id
     FROM (SELECT DISTINCT client_id FROM locked ORDER BY client_id) AS named, LATERAL (
       SELECT FROM client_guesses g WHERE g.client_id = named.client_id FOR UPDATE
     ) AS g
   ), users AS (
     UPDATE user_guesses g
     SET in_a_row = 0, guessed_at = ${lowered('r.client_id = g.client_id AND r.user_hash = g.user_hash')},
         token_id = NULLIF(g.token_id, r.token_id)
     FROM spent r, (SELECT count(*) AS n FROM locked_clients) AS first
     WHERE ${byIndex('g', 'r')} AND n > 0
     RETURNING g.client_id
   ), clients AS (
     UPDATE client_guesses g SET guessed_at = ${lowered('r.client_id = g.client_id')}
     FROM (SELECT DISTINCT client_id FROM users) AS named
     WHERE g.client_id = ANY (ARRAY[named.client_id])
   )
   INSERT INTO outbox (client_id, type, subject, traceparent, body)
   SELECT client_id, type, subject, traceparent, body::jsonb FROM spent`,
);
