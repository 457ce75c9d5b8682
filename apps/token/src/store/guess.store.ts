import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import type { NewFact } from '#contracts/fact';
import { Outbox } from '#outbox/outbox';
import { Grouped } from '#postgres/grouped';
import { Postgres, statement } from '#postgres/postgres';
import { type Counted, guessBudget, type Recent } from '../domain/guess-budget.js';

/** A user as this service knows them. */
export interface Guarded {
  readonly clientId: string;
  readonly userHash: Buffer;
}

/** The one short secret of a user that lives. */
export interface LiveSecret extends Guarded {
  readonly userId: string;
  readonly tokenId: string;
  readonly ttlSeconds: number;
}

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

interface Right extends Guarded, Pick<Admitted, 'tokenId' | 'countedAt'> {
  readonly fact: NewFact;
  readonly traceparent: string | null;
}

const size = { maxRows: 100, maxWaiting: 5000 };
const nameOf = ({ clientId, userHash }: Guarded) => `${clientId} ${userHash.toString('base64url')}`;

/**
 * Guesses at short secrets. All statements lock the rows of users first, then those of clients, each in the order of
 * their keys, so none waits for another in a circle. Counting the rows of the first lock makes it complete before the
 * second begins.
 */
@Injectable()
export class GuessStore {
  private readonly replacing = new Grouped<LiveSecret, undefined>({
    ...{ ...size, keys: (row: LiveSecret) => [nameOf(row)], run: (rows: LiveSecret[]) => this.replaceAll(rows) },
  });
  private readonly counting = new Grouped<Guarded, Standing>({
    ...{ ...size, keys: () => [], run: (rows: Guarded[]) => this.countAll(rows) },
  });
  private readonly clearing = new Grouped<Right, undefined>({
    ...{ ...size, keys: (row: Right) => [nameOf(row)], run: (rows: Right[]) => this.clearAll(rows) },
  });

  constructor(
    private readonly postgres: Postgres,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Names the user's live short secret: the one before it is void from now on.
   *
   * @throws Fault `service.busy`, `service.unavailable`, `service.silent`
   */
  replace(live: LiveSecret): Promise<undefined> {
    return this.replacing.add(live);
  }

  /**
   * Counts a guess in every window, if there is anything to guess at and no budget is spent. Durable before anything is
   * compared (S-65).
   *
   * @throws Fault `service.busy`, `service.unavailable`, `service.silent` (it may be counted)
   */
  count(guarded: Guarded): Promise<Standing> {
    return this.counting.add(guarded);
  }

  /**
   * A guess was right: takes its own count back and ends the row of wrong ones, and states the fact with it. Nothing
   * else lowers the count of a day (S-66).
   *
   * @throws Fault `service.busy`, `service.unavailable`, `service.silent`
   */
  clear({ clientId, userHash }: Guarded, { tokenId, countedAt }: Admitted, fact: NewFact): Promise<undefined> {
    const traceparent = currentCall()?.traceparent ?? null;
    return this.clearing.add({ clientId, userHash, tokenId, countedAt, fact, traceparent });
  }

  /** Ends the row of wrong guesses, and with it the lock that only an administrator ends. */
  async unlock({ clientId, userHash }: Guarded): Promise<void> {
    await this.postgres.query(unlock, [clientId, userHash]);
  }

  /** How many guesses at short secrets of a client were evaluated, ever. */
  async evaluated(clientId: string): Promise<number> {
    const [row] = await this.postgres.query<{ evaluated: string }>(evaluated, [clientId]);
    return Number(row?.evaluated ?? 0);
  }

  /** Forgets users whose secrets and counts are all of the past, at most so many; answers how many. */
  async forget(most: number): Promise<number> {
    return (await this.postgres.query(forget, [most])).length;
  }

  private async replaceAll(rows: LiveSecret[]): Promise<undefined[]> {
    const more = [rows.map(({ userId }) => userId), rows.map(({ tokenId }) => tokenId)];
    await this.postgres.query(replace, [...names(rows), ...more, rows.map(({ ttlSeconds }) => ttlSeconds)]);
    return rows.map(() => undefined);
  }

  private async countAll(rows: Guarded[]): Promise<Standing[]> {
    const answers = await this.postgres.query<CountRow>(count, names(rows));
    return answers.map(standing);
  }

  private async clearAll(rows: Right[]): Promise<undefined[]> {
    const facts = rows.map(({ fact }) => fact);
    await this.postgres.query(clear, [
      ...names(rows),
      rows.map(({ tokenId }) => tokenId),
      rows.map(({ countedAt }) => countedAt),
      facts.map(({ type }) => type),
      facts.map(({ subject }) => subject),
      rows.map(({ traceparent }) => traceparent),
      facts.map(({ body }) => JSON.stringify(body)),
    ]);
    this.outbox.kick();
    return rows.map(() => undefined);
  }
}

function names(rows: readonly Guarded[]): [string[], Buffer[]] {
  return [rows.map(({ clientId }) => clientId), rows.map(({ userHash }) => userHash)];
}

type CountRow =
  | { readonly standing: 'none' | 'locked' }
  | ({ readonly standing: 'admitted' } & Omit<Admitted, 'counted'> &
      Pick<Counted, 'ofToken' | 'inARow'> & { readonly [Name in keyof Recent as `user_${Name}`]: Recent[Name] } & {
        readonly [Name in keyof Recent as `client_${Name}`]: Recent[Name];
      });

function standing(row: CountRow): Standing {
  if (row.standing !== 'admitted') return row.standing;
  const { userId, tokenId, countedAt, ofToken, inARow } = row;
  const ofUser = { hour: row.user_hour, hourFrom: row.user_hourFrom, day: row.user_day, dayFrom: row.user_dayFrom };
  const ofClient = {
    ...{ hour: row.client_hour, hourFrom: row.client_hourFrom },
    ...{ day: row.client_day, dayFrom: row.client_dayFrom },
  };
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
     SELECT g.client_id, g.user_hash, g.user_id, g.token_id, g.of_token, g.in_a_row, g.guessed_at
     FROM (SELECT DISTINCT client_id, user_hash FROM guess) AS named
     JOIN user_guesses g USING (client_id, user_hash)
     WHERE g.live_until > now()
     ORDER BY g.client_id, g.user_hash
     FOR UPDATE OF g
   ), of_user AS (
     SELECT *, LEAST(${token.ever} - of_token, ${user.inARow} - in_a_row, ${user.hour} - hour, ${user.day} - day) AS left_over
     FROM guarded, ${recent}
   ), nth_of_user AS (
     SELECT *, row_number() OVER (PARTITION BY client_id, user_hash ORDER BY place)::int AS nth
     FROM guess JOIN of_user USING (client_id, user_hash)
   ), client AS MATERIALIZED (
     SELECT client_id, guessed_at FROM client_guesses
     WHERE (SELECT count(*) FROM guarded) > 0 AND client_id IN (SELECT client_id FROM of_user WHERE left_over > 0)
     ORDER BY client_id
     FOR UPDATE
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
     WHERE g.client_id = more.client_id AND g.user_hash = more.user_hash
   ), raise_clients AS (
     UPDATE client_guesses g SET evaluated = evaluated + n, guessed_at = ${raised}
     FROM (SELECT client_id, count(*)::int AS n FROM admitted GROUP BY client_id) AS more
     WHERE g.client_id = more.client_id
   )
   SELECT CASE WHEN a.place IS NOT NULL THEN 'admitted' WHEN u.client_id IS NOT NULL THEN 'locked' ELSE 'none' END
            AS standing,
          a.user_id AS "userId", a.token_id AS "tokenId", now()::text AS "countedAt",
          a.of_token AS "ofToken", a.in_a_row AS "inARow",
          a.user_hour, a.user_hour_from AS "user_hourFrom", a.user_day, a.user_day_from AS "user_dayFrom",
          a.client_hour, a.client_hour_from AS "client_hourFrom", a.client_day, a.client_day_from AS "client_dayFrom"
   FROM guess
   LEFT JOIN of_user u USING (client_id, user_hash)
   LEFT JOIN admitted a USING (place)
   ORDER BY place`,
);

/** The row of the client is made with that of its first user, and stays. */
const replace = statement(
  'token.replace_short_secrets',
  `WITH live AS (
     SELECT * FROM unnest($1::text[], $2::bytea[], $3::uuid[], $4::uuid[], $5::int[])
       AS live (client_id, user_hash, user_id, token_id, seconds)
   ), clients AS (
     INSERT INTO client_guesses (client_id) SELECT DISTINCT client_id FROM live ORDER BY client_id
     ON CONFLICT DO NOTHING
   )
   INSERT INTO user_guesses (client_id, user_hash, user_id, token_id, live_until)
   SELECT client_id, user_hash, user_id, token_id, now() + make_interval(secs => seconds)
   FROM live ORDER BY client_id, user_hash
   ON CONFLICT (client_id, user_hash) DO UPDATE
   SET user_id = EXCLUDED.user_id, token_id = EXCLUDED.token_id, live_until = EXCLUDED.live_until, of_token = 0`,
);

/** `guessed_at` without one instant for each right guess that was counted then. */
const lowered = (whose: string) => `ARRAY(
       SELECT at FROM (SELECT at, row_number() OVER (PARTITION BY at) AS nth FROM unnest(g.guessed_at) AS at) AS each
       WHERE nth > (SELECT count(*) FROM spent r WHERE ${whose} AND r.counted_at = at)
       ORDER BY at)`;

const clear = statement(
  'token.clear_guesses',
  `WITH spent AS (
     SELECT * FROM unnest($1::text[], $2::bytea[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[])
       AS spent (client_id, user_hash, token_id, counted_at, type, subject, traceparent, body)
   ), locked AS MATERIALIZED (
     SELECT g.client_id, g.user_hash
     FROM user_guesses g JOIN spent USING (client_id, user_hash)
     ORDER BY g.client_id, g.user_hash
     FOR UPDATE OF g
   ), locked_clients AS MATERIALIZED (
     SELECT client_id FROM client_guesses
     WHERE (SELECT count(*) FROM locked) > 0 AND client_id IN (SELECT client_id FROM locked)
     ORDER BY client_id
     FOR UPDATE
   ), users AS (
     UPDATE user_guesses g
     SET in_a_row = 0, guessed_at = ${lowered('r.client_id = g.client_id AND r.user_hash = g.user_hash')},
         live_until = CASE WHEN g.token_id = r.token_id THEN LEAST(g.live_until, now()) ELSE g.live_until END
     FROM spent r, (SELECT count(*) AS n FROM locked_clients) AS first
     WHERE g.client_id = r.client_id AND g.user_hash = r.user_hash AND n > 0
   ), clients AS (
     UPDATE client_guesses g SET guessed_at = ${lowered('r.client_id = g.client_id')}
     FROM locked_clients l WHERE g.client_id = l.client_id
   )
   INSERT INTO outbox (client_id, type, subject, traceparent, body)
   SELECT client_id, type, subject, traceparent, body::jsonb FROM spent`,
);

const unlock = statement(
  'token.unlock_short_secrets',
  'UPDATE user_guesses SET in_a_row = 0 WHERE client_id = $1 AND user_hash = $2 AND in_a_row > 0',
);

const evaluated = statement('token.evaluated_guesses', 'SELECT evaluated FROM client_guesses WHERE client_id = $1');

/**
 * No guess is counted after `live_until`, so a day later no window counts any. A row of wrong ones is remembered for a
 * year, and one that locked the user until it is unlocked.
 */
const forget = statement(
  'token.forget_guesses',
  `DELETE FROM user_guesses WHERE (client_id, user_hash) IN (
     SELECT client_id, user_hash FROM user_guesses
     WHERE live_until < now() - interval '1 day'
       AND (in_a_row = 0 OR in_a_row < ${user.inARow} AND live_until < now() - interval '1 year')
     LIMIT $1 FOR UPDATE SKIP LOCKED
   ) RETURNING 1`,
);
