import { Injectable } from '@nestjs/common';
import { Postgres, type Queryable, statement } from '#postgres/postgres';
import type { SigningKeyEntity } from './signing-key.entity.js';

/** `signs` marks the one key that signs now, by the database's clock. */
export type SigningKeyRow = SigningKeyEntity & { signs: boolean };

/** Seconds a key is published before it signs: twice what a verifier may cache the key set for (S-54, S-58). */
const publishedBefore = 600;

const columns = `kid, state, sealed, x, created_at AS "createdAt", activated_at AS "activatedAt",
  verifies_until AS "verifiesUntil"`;
const signerSince = '(SELECT max(activated_at) FROM signing_keys WHERE activated_at <= statement_timestamp())';

const lockKeys = statement('token.lock_signing_keys', `SELECT pg_advisory_xact_lock(hashtext('token.signing_keys'))`);
const listKeys = statement(
  'token.list_signing_keys',
  `SELECT ${columns}, COALESCE(activated_at = ${signerSince}, false) AS signs
   FROM signing_keys WHERE verifies_until IS NULL OR verifies_until > statement_timestamp()
   ORDER BY created_at, kid`,
);
const insertKey = statement(
  'token.insert_signing_key',
  `INSERT INTO signing_keys (kid, state, sealed, x, created_at, activated_at)
   VALUES ($1, $2::text, $3, $4, statement_timestamp(), CASE WHEN $2::text = 'current' THEN statement_timestamp() END)`,
);
const retireCurrent = statement(
  'token.retire_signing_key',
  `UPDATE signing_keys SET state = 'retired', verifies_until = $1::timestamptz + make_interval(secs => $2)
   WHERE state = 'current' RETURNING kid`,
);
/** The first rotation need not wait: its key was in the first set that was ever published. */
const dueTime = statement(
  'token.due_signing_key',
  `SELECT CASE WHEN EXISTS (SELECT FROM signing_keys WHERE state = 'retired')
            THEN GREATEST(statement_timestamp(), created_at + make_interval(secs => ${publishedBefore}))
            ELSE statement_timestamp() END AS due
   FROM signing_keys WHERE state = 'next'`,
);
const activateNext = statement(
  'token.activate_signing_key',
  `UPDATE signing_keys SET state = 'current', activated_at = $1 WHERE state = 'next' RETURNING ${columns}`,
);
const forgetPrivateKeys = statement(
  'token.forget_private_keys',
  `UPDATE signing_keys SET sealed = NULL WHERE state = 'retired' AND sealed IS NOT NULL AND activated_at < ${signerSince}`,
);

export interface Rotation {
  /** The `kid` of the key that only verifies from now on. */
  readonly retired: string;
  readonly current: SigningKeyEntity;
}

type NewSigningKey = Pick<SigningKeyEntity, 'kid' | 'sealed' | 'x'>;

@Injectable()
export class SigningKeyStore {
  constructor(private readonly postgres: Postgres) {}

  /** Those that sign or whose tokens may still live, oldest first. */
  list(): Promise<SigningKeyRow[]> {
    return this.postgres.query<SigningKeyRow>(listKeys, []);
  }

  /** The first `current` and `next` key, made once however many replicas start together. */
  async ensureFirst(make: () => NewSigningKey): Promise<void> {
    await this.postgres.transaction(async (tx) => {
      await tx.query(lockKeys, []);
      const keys = await tx.query<SigningKeyRow>(listKeys, []);
      if (!keys.some(({ state }) => state === 'current')) await insert(tx, 'current', make());
      if (!keys.some(({ state }) => state === 'next')) await insert(tx, 'next', make());
    });
  }

  /**
   * Retires the current key, lets the next one take its place and publishes a new next one.
   *
   * @param verifySeconds how long after that tokens of the old key verify
   */
  async rotate(tx: Queryable, next: NewSigningKey, verifySeconds: number): Promise<Rotation> {
    await tx.query(lockKeys, []);
    const [{ due } = { due: null }] = await tx.query<{ due: Date }>(dueTime, []);
    const [retired] = await tx.query<{ kid: string }>(retireCurrent, [due, verifySeconds]);
    const [current] = await tx.query<SigningKeyEntity>(activateNext, [due]);
    if (!retired || !current) throw new Error('there is no current or no next signing key');
    await insert(tx, 'next', next);
    await tx.query(forgetPrivateKeys, []);
    return { retired: retired.kid, current };
  }
}

async function insert(tx: Queryable, state: 'current' | 'next', key: NewSigningKey): Promise<void> {
  await tx.query(insertKey, [key.kid, state, key.sealed, key.x]);
}
