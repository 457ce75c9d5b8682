import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import type { NewFact } from '#contracts/fact';
import { Outbox } from '#outbox/outbox';
import { Grouped } from '#postgres/grouped';
import { Postgres, statement } from '#postgres/postgres';
import { guessBudget } from '../domain/guess-budget.js';
import { type Guarded, namesOf } from './guarded.js';
import { clearAll, type Right } from './guess-clearing.js';
import { type Admitted, countAll, type Standing } from './guess-counting.js';

/** The one short secret of a user that lives. */
export interface LiveSecret extends Guarded {
  readonly userId: string;
  readonly tokenId: string;
  readonly ttlSeconds: number;
}

const size = { maxRows: 100, maxWaiting: 5000 };
const nameOf = ({ clientId, userHash }: Guarded) => `${clientId} ${userHash.toString('base64url')}`;

/**
 * Guesses at short secrets. All statements lock the rows of users first, then those of clients, each in the order of
 * their keys, so none waits for another in a circle. What is sorted for the second lock is read to its end before, so the
 * first is complete.
 */
@Injectable()
export class GuessStore {
  private readonly replacing: Grouped<LiveSecret, undefined>;
  private readonly counting: Grouped<Guarded, Standing>;
  private readonly clearing: Grouped<Right, undefined>;

  constructor(
    private readonly postgres: Postgres,
    private readonly outbox: Outbox,
  ) {
    const keys = (row: Guarded) => [nameOf(row)];
    this.replacing = new Grouped<LiveSecret, undefined>({ ...size, keys, run: (rows) => this.replaceAll(rows) });
    this.counting = new Grouped<Guarded, Standing>({
      ...size,
      keys: () => [],
      run: (rows) => countAll(postgres, rows),
    });
    this.clearing = new Grouped<Right, undefined>({ ...size, keys, run: (rows) => this.clearAll(rows) });
  }

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
  count({ clientId, userHash }: Guarded): Promise<Standing> {
    return this.counting.add({ clientId, userHash });
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
    await this.postgres.query(replace, [...namesOf(rows), ...more, rows.map(({ ttlSeconds }) => ttlSeconds)]);
    return rows.map(() => undefined);
  }

  private async clearAll(rows: Right[]): Promise<undefined[]> {
    await clearAll(this.postgres, rows);
    this.outbox.kick();
    return rows.map(() => undefined);
  }
}

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
       AND (in_a_row = 0 OR in_a_row < ${guessBudget.user.inARow} AND live_until < now() - interval '1 year')
     LIMIT $1 FOR UPDATE SKIP LOCKED
   ) RETURNING 1`,
);
