import { type Queryable, statement } from '#postgres/postgres';
import type { User } from '../domain/identity.js';
import { ownerName } from '../domain/identity.js';
import { claimEmail, settleClaims } from './claims.js';
import { forgettingCredentials } from './credentials.js';

/** Leaves of a user, whose lock is held, nothing that names a person, and remembers which links came too early. */
export async function eraseUser(tx: Queryable, user: User): Promise<{ epoch: number }> {
  const { clientId, userId, externalId, emailKey, claimsAsOf } = user;
  const claims = { clientId, owner: ownerName(user), held: [emailKey] };
  await claimEmail(tx, { ...claims, wanted: null });
  await settleClaims(tx, claims, null);
  if (externalId !== null) await tx.query(rememberErasure, [clientId, externalId, claimsAsOf]);
  const [row] = await tx.query<{ epoch: number }>(erase, [clientId, userId]);
  if (!row) throw new Error('A locked user cannot be gone');
  return row;
}

/** Refuses from now on the links whose claims this externalId was told by: it is given up, not erased. */
export async function forsakeExternalId(tx: Queryable, { clientId, externalId, claimsAsOf }: User): Promise<void> {
  if (externalId !== null && claimsAsOf > 0) await tx.query(remember, [clientId, externalId, claimsAsOf]);
}

/** @returns seconds; links from then and before are refused. `null` = this externalId was never given up. */
export async function erasedAt(tx: Queryable, clientId: string, externalId: string): Promise<number | null> {
  const [row] = await tx.query<{ erased_at: string }>(recall, [clientId, externalId]);
  return row ? Number(row.erased_at) : null;
}

/** The first second whose links may change a user who gets this externalId by hand. */
export async function claimsFrom(tx: Queryable, clientId: string, externalId: string | null): Promise<number> {
  const erased = externalId === null ? null : await erasedAt(tx, clientId, externalId);
  return erased === null ? 0 : erased + 1;
}

const remembering = (second: string) =>
  `INSERT INTO erased (client_id, external_id_hash, erased_at)
   VALUES ($1, sha256(convert_to($2, 'UTF8')), ${second})
   ON CONFLICT (client_id, external_id_hash) DO UPDATE SET erased_at = greatest(erased.erased_at, excluded.erased_at)`;

const remember = statement('identity.remember', remembering('$3'));

/** Not earlier than the newest link that was taken: the client's clock may be ahead of ours. */
const rememberErasure = statement(
  'identity.remember_erasure',
  remembering('greatest($3, floor(extract(epoch FROM clock_timestamp()))::bigint)'),
);

const recall = statement(
  'identity.recall',
  `SELECT erased_at FROM erased WHERE client_id = $1 AND external_id_hash = sha256(convert_to($2, 'UTF8'))`,
);

const erase = statement(
  'identity.erase',
  `${forgettingCredentials}
   UPDATE users SET status = 'erased', epoch = epoch + 1, external_id = NULL, email = 'erased@placeholder.invalid',
     email_key = NULL, username = '', locale = '', claims_as_of = 0, taken_links = '{}', handle_hash = NULL,
     anonymous_until = NULL, merged_into = NULL
   WHERE client_id = $1 AND user_id = $2
   RETURNING epoch`,
);
