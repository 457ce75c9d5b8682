import { type Queryable, type Statement, statement } from '#postgres/postgres';

/**
 * A row stays for seven days after its session ended, and in any case until its origin may be forgotten: as long as the
 * credential that opened it could come again.
 */
const forget = statement(
  'session.forget',
  `WITH forgettable AS (
    SELECT client_id, session_id FROM sessions
    WHERE greatest(least(closed_at, expires_at), origin_until) < now() - interval '7 days'
    ORDER BY greatest(least(closed_at, expires_at), origin_until)
    LIMIT $1 FOR UPDATE SKIP LOCKED
  ),
  forgotten AS (
    DELETE FROM sessions USING forgettable
    WHERE sessions.client_id = forgettable.client_id AND sessions.session_id = forgettable.session_id
    RETURNING 1
  )
  SELECT count(*)::int AS forgotten FROM forgotten`,
);

/** After a day no opening is under way that could have seen it as it was. */
const forgetCrowds = statement(
  'session.forgetCrowds',
  `WITH forgettable AS (
    SELECT client_id, subject, protocol FROM crowds WHERE last_at < now() - interval '1 day'
    ORDER BY last_at LIMIT $1 FOR UPDATE SKIP LOCKED
  ),
  forgotten AS (
    DELETE FROM crowds USING forgettable
    WHERE crowds.client_id = forgettable.client_id AND crowds.subject = forgettable.subject
      AND crowds.protocol = forgettable.protocol
    RETURNING 1
  )
  SELECT count(*)::int AS forgotten FROM forgotten`,
);

export const forgetSome = (postgres: Queryable, most: number) => forgotten(postgres, forget, most);

export const forgetSomeCrowds = (postgres: Queryable, most: number) => forgotten(postgres, forgetCrowds, most);

async function forgotten(postgres: Queryable, forgetting: Statement, most: number): Promise<number> {
  const [count] = await postgres.query<{ forgotten: number }>(forgetting, [most]);
  return count?.forgotten ?? 0;
}
