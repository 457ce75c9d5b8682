import { type Queryable, statement } from '#postgres/postgres';

/** An e-mail somebody wants, with those already borne by the users whose locks are held. */
interface Wish {
  readonly clientId: string;
  readonly owner: string;
  readonly wanted: string | null;
  readonly held: readonly (string | null)[];
}

/**
 * Claims an e-mail and holds the claim, and those on the e-mails borne now, until commit: all of them at once, in their
 * order. A claim whose owner does not bear the e-mail (it was made in vain) goes over.
 *
 * @returns whether nobody else bears it
 */
export async function claimEmail(tx: Queryable, { clientId, owner, wanted, held }: Wish): Promise<boolean> {
  const keys = [...new Set([wanted, ...held])].filter((key) => key !== null);
  if (keys.length === 0) return true;
  const claims = await tx.query<{ email: string; owner: string }>(lockClaims, [clientId, keys, owner]);
  if (wanted === null || held.includes(wanted)) return true;
  if (claims.some((claimed) => claimed.email === wanted && claimed.owner === owner)) return true;
  const taken = await tx.query(takeClaim, [clientId, wanted, owner]);
  return taken.length > 0;
}

/** The claims of users who bear `kept` from now on, and of what they bore nothing else; all must be held. */
export async function settleClaims(
  tx: Queryable,
  { clientId, owner, held }: Omit<Wish, 'wanted'>,
  kept: string | null,
): Promise<void> {
  const freed = held.filter((key) => key !== null && key !== kept);
  if (freed.length > 0) await tx.query(freeClaims, [clientId, freed]);
  if (kept !== null && held.includes(kept)) await tx.query(renameClaim, [clientId, kept, owner]);
}

/** Gives up a claim of the user whose lock is held, on an e-mail it does not bear. */
export async function dropClaim(tx: Queryable, clientId: string, key: string, owner: string): Promise<void> {
  await tx.query(drop, [clientId, key, owner]);
}

/** Gives up a claim of a user nobody has locked, unless somebody bears the e-mail after all. */
export async function releaseClaim(tx: Queryable, clientId: string, key: string, owner: string): Promise<void> {
  await tx.query(lockClaims, [clientId, [key], owner]);
  await tx.query(releaseVain, [clientId, key, owner]);
}

/** An update that changes nothing, because a `SELECT … FOR UPDATE` could not claim what nobody has claimed yet. */
const lockClaims = statement(
  'identity.lock_claims',
  `INSERT INTO emails (client_id, email, owner)
   SELECT $1, email, $3 FROM unnest($2::text[]) AS key (email) ORDER BY email COLLATE "C"
   ON CONFLICT (client_id, email) DO UPDATE SET owner = emails.owner
   RETURNING email, owner`,
);

/** Who bears the e-mail is seen exactly: the claim is locked, so nobody can be about to. */
const nobodyBears = 'NOT EXISTS (SELECT FROM users WHERE users.client_id = $1 AND users.email_key = $2)';

const takeClaim = statement(
  'identity.take_claim',
  `UPDATE emails SET owner = $3 WHERE client_id = $1 AND email = $2 AND ${nobodyBears} RETURNING owner`,
);

const drop = statement('identity.drop_claim', 'DELETE FROM emails WHERE client_id = $1 AND email = $2 AND owner = $3');

const releaseVain = statement(
  'identity.release_claim',
  `DELETE FROM emails WHERE client_id = $1 AND email = $2 AND owner = $3 AND ${nobodyBears}`,
);

/** With how often their bearers' passwords failed: whoever bears them next is somebody else. */
const freeClaims = statement(
  'identity.free_claims',
  `WITH forgotten AS (
    DELETE FROM password_failures
    WHERE client_id = $1 AND whom IN (SELECT sha256(convert_to(freed, 'UTF8')) FROM unnest($2::text[]) AS freed)
  )
  DELETE FROM emails WHERE client_id = $1 AND email = ANY ($2::text[])`,
);

const renameClaim = statement(
  'identity.rename_claim',
  'UPDATE emails SET owner = $3 WHERE client_id = $1 AND email = $2 AND owner <> $3',
);
