import { type Queryable, statement } from '#postgres/postgres';
import type { User } from '../domain/identity.js';

type Named = Pick<User, 'clientId' | 'userId'>;

/**
 * What a user, whose lock is held, proves themselves by from now on.
 *
 * @param hash a PHC string; `null` takes the password away
 * @returns what became of it; `null` = there was none to take away
 */
export async function changePassword(
  tx: Queryable,
  { clientId, userId }: Named,
  hash: string | null,
): Promise<'set' | 'removed' | null> {
  if (hash !== null) {
    await tx.query(setPassword, [clientId, userId, hash]);
    return 'set';
  }
  const removed = await tx.query(removePassword, [clientId, userId]);
  return removed.length > 0 ? 'removed' : null;
}

/** @param sealed the secret of the user's second factor, instead of any before */
export async function setSecondFactor(tx: Queryable, { clientId, userId }: Named, sealed: string): Promise<void> {
  await tx.query(setFactor, [clientId, userId, sealed]);
}

/** @returns whether there was one */
export async function removeSecondFactor(tx: Queryable, { clientId, userId }: Named): Promise<boolean> {
  const removed = await tx.query(removeFactor, [clientId, userId]);
  return removed.length > 0;
}

/** Goes before a statement about the user `$1`, `$2` who is nobody afterwards. */
export const forgettingCredentials = `WITH no_password AS (
    DELETE FROM passwords WHERE client_id = $1 AND user_id = $2
  ),
  no_factor AS (
    DELETE FROM second_factors WHERE client_id = $1 AND user_id = $2
  )`;

const setPassword = statement(
  'identity.set_password',
  `INSERT INTO passwords (client_id, user_id, hash) VALUES ($1, $2, $3)
   ON CONFLICT (client_id, user_id) DO UPDATE SET hash = excluded.hash`,
);

const removePassword = statement(
  'identity.remove_password',
  'DELETE FROM passwords WHERE client_id = $1 AND user_id = $2 RETURNING user_id',
);

const setFactor = statement(
  'identity.set_second_factor',
  `INSERT INTO second_factors (client_id, user_id, sealed) VALUES ($1, $2, $3)
   ON CONFLICT (client_id, user_id) DO UPDATE SET sealed = excluded.sealed, last_step = 0`,
);

const removeFactor = statement(
  'identity.remove_second_factor',
  'DELETE FROM second_factors WHERE client_id = $1 AND user_id = $2 RETURNING user_id',
);
