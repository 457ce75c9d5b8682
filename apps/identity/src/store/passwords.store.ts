import { Injectable } from '@nestjs/common';
import { Outbox } from '#outbox/outbox';
import { Postgres, statement } from '#postgres/postgres';
import { sha256 } from '#secrets/digest';
import type { User } from '../domain/identity.js';
import { living, type UserRow, userColumns, userOf } from './sql.js';
import { unlocked } from './telling.js';

/** Who tries a password. */
export interface Trying {
  readonly clientId: string;
  /** The normal form of the e-mail, or what was given instead of one: counted alike, though it is nobody's. */
  readonly name: string;
  readonly isEmail: boolean;
}

/** A try on the books as a failure, until it turns out to be none. */
export interface Counted {
  readonly clientId: string;
  readonly whom: Buffer;
  /** As Postgres writes it, to the microsecond. */
  readonly at: string;
}

/** Who bears the e-mail, and what proves it. */
export interface Holder {
  readonly user: User;
  /** A PHC string; `null` = has no password. */
  readonly hash: string | null;
  /** The sealed secret of the second factor; `null` = has none. */
  readonly factor: string | null;
}

export interface Tried {
  /** `null`: locked. Nothing was counted, and nothing may be computed. */
  readonly counted: Counted | null;
  readonly holder: Holder | null;
}

type Named = Pick<User, 'clientId' | 'userId'>;

@Injectable()
export class PasswordsStore {
  constructor(
    private readonly postgres: Postgres,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Counts a try before it is judged, unless ten within the last hour or a hundred in a row failed, or are being judged
   * (S-65); and looks up who it is about.
   */
  async begin({ clientId, name, isEmail }: Trying): Promise<Tried> {
    const whom = sha256(name);
    const [row] = await this.postgres.query<TriedRow>(begin, [clientId, whom, isEmail ? name : null]);
    if (!row) throw new Error('The try answers one row');
    return {
      counted: row.counted_at === null ? null : { clientId, whom, at: row.counted_at },
      holder: row.user_id === null ? null : { user: userOf(row), hash: row.hash, factor: row.sealed },
    };
  }

  /** It was no failure, and no success either: nothing was judged, or the second factor is still to come. */
  async takeBack({ clientId, whom, at }: Counted): Promise<void> {
    await this.postgres.query(takeBack, [clientId, whom, at]);
  }

  /** It was a success: its own count goes, and the failures before are no longer in a row. */
  async succeed({ clientId, whom, at }: Counted): Promise<void> {
    await this.postgres.query(succeed, [clientId, whom, at]);
  }

  /**
   * Takes a step of the user's second factor, once (RFC 6238 section 5.2).
   *
   * @param factor whose code it was; another since takes nothing
   * @returns whether nobody took it, or a later one, before
   */
  async claimStep({ clientId, userId }: Named, factor: string, step: number): Promise<boolean> {
    const claimed = await this.postgres.query(claimStep, [clientId, userId, factor, step]);
    return claimed.length > 0;
  }

  /** The same password at the present cost, unless it was changed meanwhile. */
  async renew({ clientId, userId }: Named, hash: string, renewed: string): Promise<void> {
    await this.postgres.query(renew, [clientId, userId, hash, renewed]);
  }

  /** Forgets all failures of the user's e-mail, if there is one. */
  async unlock(user: User): Promise<void> {
    await this.postgres.transaction(async (tx) => {
      if (user.emailKey !== null) await tx.query(unlock, [user.clientId, sha256(user.emailKey)]);
      await this.outbox.write(tx, [unlocked(user)]);
    });
    this.outbox.kick();
  }

  /**
   * Deletes the counts of e-mails that nobody has tried for 90 days; locks stay.
   *
   * @returns how many; as many as `most` when there may be more
   */
  async forgetFailures(most: number): Promise<number> {
    const forgotten = await this.postgres.query(forget, [most]);
    return forgotten.length;
  }
}

type TriedRow = { readonly counted_at: string | null; readonly hash: string | null; readonly sealed: string | null } & (
  | UserRow
  | { readonly user_id: null }
);

/** S-63: more than this nobody may guess, over all addresses, replicas and restarts. */
const anHour = 10;
const inARow = 100;

const withinTheHour = `ARRAY(SELECT at FROM unnest(held.failed_at) AS at WHERE at > now() - interval '1 hour')`;

const open = `held.in_a_row < ${inARow} AND cardinality(${withinTheHour}) < ${anHour}`;

/** Looks before it locks: a flood at a locked door waits for nobody and writes nothing. */
const begin = statement(
  'identity.begin_password',
  `WITH counted AS (
    INSERT INTO password_failures AS held (client_id, whom, failed_at, in_a_row, latest)
    SELECT $1, $2, ARRAY[now()], 1, now()
    WHERE NOT EXISTS (SELECT FROM password_failures AS held WHERE client_id = $1 AND whom = $2 AND NOT (${open}))
    ON CONFLICT (client_id, whom) DO UPDATE
    SET failed_at = ${withinTheHour} || now(), in_a_row = held.in_a_row + 1, latest = now()
    WHERE ${open}
    RETURNING latest
  )
  SELECT (SELECT latest::text FROM counted) AS counted_at, passwords.hash, second_factors.sealed, ${userColumns('users')}
  FROM (VALUES (1)) AS one (row)
  LEFT JOIN users ON users.client_id = $1 AND users.email_key = $3 AND users.status IN ${living}
  LEFT JOIN passwords ON passwords.client_id = users.client_id AND passwords.user_id = users.user_id
  LEFT JOIN second_factors ON second_factors.client_id = users.client_id AND second_factors.user_id = users.user_id`,
);

/** One of that time and no more: two replicas may have counted in the same microsecond. */
const own = 'array_position(failed_at, $3::timestamptz)';
const withoutOwn = `coalesce(failed_at[:${own} - 1] || failed_at[${own} + 1:], failed_at)`;

const takeBack = statement(
  'identity.take_password_back',
  `UPDATE password_failures SET failed_at = ${withoutOwn}, in_a_row = greatest(in_a_row - 1, 0)
   WHERE client_id = $1 AND whom = $2`,
);

const succeed = statement(
  'identity.succeed_password',
  `UPDATE password_failures SET failed_at = ${withoutOwn}, in_a_row = 0 WHERE client_id = $1 AND whom = $2`,
);

const claimStep = statement(
  'identity.claim_step',
  `UPDATE second_factors SET last_step = $4
   WHERE client_id = $1 AND user_id = $2 AND sealed = $3 AND last_step < $4
   RETURNING last_step`,
);

const renew = statement(
  'identity.renew_password',
  'UPDATE passwords SET hash = $4 WHERE client_id = $1 AND user_id = $2 AND hash = $3',
);

const unlock = statement(
  'identity.unlock_password',
  'DELETE FROM password_failures WHERE client_id = $1 AND whom = $2',
);

const forget = statement(
  'identity.forget_failures',
  `DELETE FROM password_failures
   WHERE (client_id, whom) IN (
     SELECT client_id, whom FROM password_failures
     WHERE latest < now() - interval '90 days' AND in_a_row < ${inARow}
     ORDER BY latest LIMIT $1 FOR UPDATE SKIP LOCKED
   )
   RETURNING whom`,
);
