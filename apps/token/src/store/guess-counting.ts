import { type Queryable, statement } from '#postgres/postgres';
import { type Counted, guessBudget } from '../domain/guess-budget.js';
import { byIndex, byKey, type Guarded, namesOf } from './guarded.js';

/** A guess that may be evaluated; it is counted already. */
export interface Admitted {
  readonly userId: string;
  /** The only token it may hit. */
  readonly tokenId: string;
  /** By the clock of the database, to the microsecond: by which a right one is taken out again. */
  readonly countedAt: string;
  readonly counted: Counted;
}

/** `none`: the user has no live short secret, so there is nothing to guess at and nothing is counted. */
export type Standing = Admitted | 'locked' | 'none';

/** Judges guesses, any number at a user. @returns in order */
export async function countAll(postgres: Queryable, guesses: readonly Guarded[]): Promise<Standing[]> {
  const rows = await postgres.query<Row>(count, namesOf(guesses));
  return rows.map((row) => (row.standing === 'admitted' ? admitted(row) : row.standing));
}

interface AdmittedRow extends Omit<Admitted, 'counted'>, Pick<Counted, 'ofToken' | 'inARow'> {
  readonly standing: 'admitted';
  readonly userHour: number;
  readonly userHourFrom: Date;
  readonly userDay: number;
  readonly userDayFrom: Date;
  readonly clientHour: number;
  readonly clientHourFrom: Date;
  readonly clientDay: number;
  readonly clientDayFrom: Date;
}
type Row = AdmittedRow | { readonly standing: 'locked' | 'none' };

function admitted(row: AdmittedRow): Admitted {
  const { userId, tokenId, countedAt, ofToken, inARow, userHour, userDay, clientHour, clientDay } = row;
  const ofUser = { hour: userHour, hourFrom: row.userHourFrom, day: userDay, dayFrom: row.userDayFrom };
  const ofClient = { hour: clientHour, hourFrom: row.clientHourFrom, day: clientDay, dayFrom: row.clientDayFrom };
  return { userId, tokenId, countedAt, counted: { ofToken, inARow, ofUser, ofClient } };
}

const { token, user, client } = guessBudget;

/** How many of `guessed_at` are of the last hour and day, and since when. */
const recent = `LATERAL (
    SELECT count(*) FILTER (WHERE at > now() - interval '1 hour')::int AS hour,
           min(at) FILTER (WHERE at > now() - interval '1 hour') AS hour_from,
           count(*)::int AS day, min(at) AS day_from
    FROM unnest(guessed_at) AS at WHERE at > now() - interval '1 day'
  ) AS recent`;

/** `guessed_at` with `n` more of this instant, without what no window counts any more. */
const raised = `ARRAY(SELECT at FROM unnest(guessed_at) AS at WHERE at > now() - interval '1 day')
                || array_fill(now(), ARRAY[n])`;

/**
 * Judges and counts any number of guesses. A row is judged as it stands once it is locked, and changed only then, so
 * guesses of other replicas, and others of this statement, are in the count. The row of a client is touched only where
 * somebody guesses at a live secret with budget left: who invents users cannot suspend a client.
 */
const count = statement(
  'token.count_guesses',
  `WITH guess AS (
     SELECT * FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS guess (client_id, user_hash, place)
   ), guarded AS MATERIALIZED (
     SELECT named.client_id, named.user_hash, g.*
     FROM (SELECT DISTINCT client_id, user_hash FROM guess ORDER BY client_id, user_hash) AS named, LATERAL (
       SELECT user_id, token_id, of_token, in_a_row, guessed_at FROM user_guesses g
       WHERE ${byKey('g', 'named')} AND token_id IS NOT NULL AND live_until > now()
       FOR UPDATE
     ) AS g
   ), of_user AS (
     SELECT *, LEAST(${token.ever} - of_token, ${user.inARow} - in_a_row, ${user.hour} - hour, ${user.day} - day) AS left_over
     FROM guarded, ${recent}
   ), nth_of_user AS (
     SELECT *, row_number() OVER (PARTITION BY client_id, user_hash ORDER BY place)::int AS nth
     FROM guess JOIN of_user USING (client_id, user_hash)
   ), client AS MATERIALIZED (
     SELECT named.client_id, g.guessed_at
     FROM (SELECT DISTINCT client_id FROM of_user WHERE left_over > 0 ORDER BY client_id) AS named, LATERAL (
       SELECT guessed_at FROM client_guesses g WHERE g.client_id = named.client_id FOR UPDATE
     ) AS g
   ), of_client AS (
     SELECT *, LEAST(${client.hour} - hour, ${client.day} - day) AS left_over FROM client, ${recent}
   ), nth_of_client AS (
     SELECT place, client_id, row_number() OVER (PARTITION BY client_id ORDER BY place)::int AS nth
     FROM nth_of_user WHERE nth <= left_over
   ), admitted AS (
     SELECT u.place, u.client_id, u.user_hash, u.user_id, u.token_id,
            u.of_token + u.nth AS of_token, u.in_a_row + u.nth AS in_a_row,
            u.hour + u.nth AS user_hour, COALESCE(u.hour_from, now()) AS user_hour_from,
            u.day + u.nth AS user_day, COALESCE(u.day_from, now()) AS user_day_from,
            c.hour + n.nth AS client_hour, COALESCE(c.hour_from, now()) AS client_hour_from,
            c.day + n.nth AS client_day, COALESCE(c.day_from, now()) AS client_day_from
     FROM nth_of_user u
     JOIN nth_of_client n USING (place)
     JOIN of_client c ON c.client_id = u.client_id AND n.nth <= c.left_over
   ), raise_users AS (
     UPDATE user_guesses g
     SET of_token = of_token + n, in_a_row = in_a_row + n, evaluated = evaluated + n, guessed_at = ${raised}
     FROM (SELECT client_id, user_hash, count(*)::int AS n FROM admitted GROUP BY client_id, user_hash) AS more
     WHERE ${byIndex('g', 'more')}
   ), raise_clients AS (
     UPDATE client_guesses g SET evaluated = evaluated + n, guessed_at = ${raised}
     FROM (SELECT client_id, count(*)::int AS n FROM admitted GROUP BY client_id) AS more
     WHERE g.client_id = ANY (ARRAY[more.client_id])
   )
   SELECT CASE WHEN a.place IS NOT NULL THEN 'admitted' WHEN u.client_id IS NOT NULL THEN 'locked' ELSE 'none' END
            AS standing,
          a.user_id AS "userId", a.token_id AS "tokenId", now()::text AS "countedAt",
          a.of_token AS "ofToken", a.in_a_row AS "inARow",
          a.user_hour AS "userHour", a.user_hour_from AS "userHourFrom", a.user_day AS "userDay", a.user_day_from AS "userDayFrom",
          a.client_hour AS "clientHour", a.client_hour_from AS "clientHourFrom", a.client_day AS "clientDay", a.client_day_from AS "clientDayFrom"
   FROM guess
   LEFT JOIN of_user u USING (client_id, user_hash)
   LEFT JOIN admitted a USING (place)
   ORDER BY place`,
);
