import { type Queryable, statement } from '#postgres/postgres';
import { type Claims, defaults, type User } from '../domain/identity.js';
import { isErasedMeanwhile, isTakenMeanwhile, Overtaken } from './overtaken.js';
import { type UserRow, userColumns, userOf } from './sql.js';

type Named = Pick<User, 'clientId' | 'userId' | 'externalId'> & { readonly placeholder: string };
type Draft = Omit<User, 'status' | 'epoch' | 'createdAt'>;

/** A user who has not been here before. */
export function newUser(
  named: Named,
  claims: Claims,
  { claimsAsOf, takenLinks }: Pick<User, 'claimsAsOf' | 'takenLinks'>,
): Draft {
  return {
    clientId: named.clientId,
    userId: named.userId,
    externalId: named.externalId,
    email: claims.email?.address ?? named.placeholder,
    emailKey: claims.email?.key ?? null,
    username: claims.username ?? defaults.username,
    locale: claims.locale ?? defaults.locale,
    claimsAsOf,
    takenLinks,
  };
}

/** @returns the new user, or `null` when its externalId is taken */
export async function insertUser(tx: Queryable, draft: Draft): Promise<User | null> {
  const [row] = await told(tx.query<UserRow>(insert, valuesOf(draft)));
  return row ? userOf(row) : null;
}

/** Writes all that can change of a user whose lock is held. */
export async function updateUser(tx: Queryable, user: User): Promise<User> {
  const [row] = await told(tx.query<UserRow>(update, [...valuesOf(user), user.status, user.epoch]));
  if (!row) throw new Error('A locked user cannot be gone');
  return userOf(row);
}

/** An anonymous account, whose lock is held, becomes the user it is merged into: what it had open ends. */
export async function becomeUser(tx: Queryable, user: User): Promise<User> {
  const values = [...valuesOf(user), user.status, user.epoch + 1];
  const [row] = await told(tx.query<UserRow>(become, values));
  if (!row) throw new Error('A locked account cannot be gone');
  return userOf(row);
}

async function told<T>(written: Promise<T>): Promise<T> {
  return written.catch((error: unknown) => {
    throw isTakenMeanwhile(error) || isErasedMeanwhile(error) ? new Overtaken('externalId', { cause: error }) : error;
  });
}

function valuesOf(user: Draft): unknown[] {
  return [
    user.clientId,
    user.userId,
    user.externalId,
    user.email,
    user.emailKey,
    user.username,
    user.locale,
    user.claimsAsOf,
    user.takenLinks,
  ];
}

const insert = statement(
  'identity.insert_user',
  `INSERT INTO users (client_id, user_id, external_id, email, email_key, username, locale, claims_as_of, taken_links)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
   ON CONFLICT (client_id, external_id) DO NOTHING
   RETURNING ${userColumns('users')}`,
);

const updateOf = (more: string) =>
  `UPDATE users SET external_id = $3, email = $4, email_key = $5, username = $6, locale = $7, claims_as_of = $8,
     taken_links = $9, status = $10, epoch = $11${more}
   WHERE client_id = $1 AND user_id = $2
   RETURNING ${userColumns('users')}`;

const update = statement('identity.update_user', updateOf(''));
const become = statement('identity.become_user', updateOf(', merged_into = user_id'));
