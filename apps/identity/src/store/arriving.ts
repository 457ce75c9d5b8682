import { arrayText } from '#postgres/array-text';
import { type Queryable, statement } from '#postgres/postgres';
import { defaults, mostLinksOfASecond } from '../domain/identity.js';
import { type Arrived, type Arriving, type UserRow, userColumns, userOf } from './sql.js';

/** What the one statement could do for an arrival; `null` = the case is for `settling.ts`. */
export type Outcome = (Arrived & { readonly told: boolean }) | null;

/**
 * Answers the plain cases of many arrivals with one statement: a replay (nothing is written), a user whose e-mail stays
 * as it is, a new user whose e-mail nobody has claimed. Whatever is left, because an e-mail changes or is claimed
 * already, because the user was erased or because somebody else was just here, gets `null` and has changed nothing of
 * the user. Arrivals that name an anonymous account do not come here.
 *
 * @param arrivals of different users and with different e-mails
 */
export async function arriveTogether(queryable: Queryable, arrivals: readonly Arriving[]): Promise<Outcome[]> {
  const rows = await queryable.query<OutcomeRow>(arrive, [
    arrayText(arrivals, ({ clientId }) => clientId),
    arrayText(arrivals, ({ externalId }) => externalId),
    arrayText(arrivals, ({ proposal }) => proposal.userId),
    arrayText(arrivals, ({ email, proposal }) => (email ? null : proposal.placeholder)),
    arrayText(arrivals, ({ email }) => email?.address ?? null),
    arrayText(arrivals, ({ email }) => email?.key ?? null),
    arrayText(arrivals, ({ username }) => username ?? null),
    arrayText(arrivals, ({ locale }) => locale ?? null),
    arrayText(arrivals, ({ asOf }) => asOf),
    arrayText(arrivals, ({ hash }) => hash),
    arrayText(arrivals, ({ traceparent }) => traceparent),
  ]);
  const outcomes: Outcome[] = arrivals.map(() => null);
  for (const row of rows) {
    outcomes[Number(row.place) - 1] = { user: userOf(row), created: row.created, merge: null, told: row.told };
  }
  return outcomes;
}

type OutcomeRow = UserRow & { readonly place: string; readonly created: boolean; readonly told: boolean };

/** The same rule as `isNews`. */
const isNews = `(link.as_of > users.claims_as_of OR link.as_of = users.claims_as_of
      AND link.hash <> ALL (users.taken_links) AND cardinality(users.taken_links) < ${mostLinksOfASecond})`;

/**
 * No erasure after the link. Asked of a new user and of an old link only: the claims of a known user are newer than its
 * erasure (the migration sees to it), so a link that is news is, too.
 */
const notErased = `NOT EXISTS (
      SELECT FROM erased
      WHERE erased.client_id = link.client_id AND erased.external_id_hash = sha256(convert_to(link.external_id, 'UTF8'))
        AND erased.erased_at >= link.as_of
    )`;

/*
 * Locks are taken in one order by everything that writes here, so that nobody waits in a circle: an unmerged anonymous
 * account, known users (by client and externalId), then claims on e-mails (by client and e-mail), then new users (by
 * client and externalId). That is why `claimed` looks at `known`, and `updated` at `created`: it makes them wait. A user's e-mail changes only under
 * the lock of the user *and* of the claim, both held until commit.
 *
 * `seen` is the snapshot, which tells who is to be written: nearly everybody, so the others are read afterwards. `known`
 * is each user as it is once locked, its conditions included, so what it says of the change is exact.
 *
 * `(SELECT $1)` hides from the planner how many arrive. Else it finds that a plan made for one alone is cheaper than the one
 * for any number, and makes it anew for each: 0.8 ms, three times what the statement takes.
 */
const arrive = statement(
  'identity.arrive',
  `WITH link AS MATERIALIZED (
    SELECT client_id COLLATE "C" AS client_id, external_id COLLATE "C" AS external_id, user_id, placeholder,
      email, email_key COLLATE "C" AS email_key, username, locale, as_of, hash, traceparent, place
    FROM unnest((SELECT $1::text[]), $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::bigint[], $10::text[], $11::text[]) WITH ORDINALITY
      AS given (client_id, external_id, user_id, placeholder, email, email_key, username, locale, as_of, hash,
        traceparent, place)
  ),
  seen AS MATERIALIZED (
    SELECT link.place, users.client_id, users.user_id, users.status = 'active' AND ${isNews} AS to_write
    FROM link JOIN users ON users.client_id = link.client_id AND users.external_id = link.external_id
  ),
  known AS MATERIALIZED (
    SELECT link.place, link.client_id, users.user_id, link.email, link.username, link.locale, link.as_of, link.hash,
      link.traceparent,
      array_remove(ARRAY[
        CASE WHEN link.email <> users.email THEN 'email' END,
        CASE WHEN link.username <> users.username THEN 'username' END,
        CASE WHEN link.locale <> users.locale THEN 'locale' END
      ], NULL) AS changed
    FROM link JOIN users ON users.client_id = link.client_id AND users.external_id = link.external_id
    WHERE users.status = 'active' AND ${isNews} AND (link.email_key IS NULL OR link.email_key = users.email_key)
    ORDER BY link.client_id, link.external_id
    FOR NO KEY UPDATE OF users
  ),
  fresh AS MATERIALIZED (
    SELECT link.* FROM link
    WHERE NOT EXISTS (SELECT FROM seen WHERE seen.place = link.place) AND ${notErased}
  ),
  claimed AS (
    INSERT INTO emails (client_id, email, owner)
    SELECT fresh.client_id, fresh.email_key, 'external:' || fresh.external_id
    FROM fresh
    WHERE fresh.email_key IS NOT NULL AND (SELECT count(*) FROM known) >= 0
    ORDER BY fresh.client_id, fresh.email_key
    ON CONFLICT (client_id, email) DO NOTHING
    RETURNING client_id, email
  ),
  created AS (
    INSERT INTO users (client_id, user_id, external_id, email, email_key, username, locale, claims_as_of, taken_links)
    SELECT fresh.client_id, fresh.user_id, fresh.external_id, coalesce(fresh.email, fresh.placeholder), fresh.email_key,
      coalesce(fresh.username, '${defaults.username}'), coalesce(fresh.locale, '${defaults.locale}'),
      fresh.as_of, ARRAY[fresh.hash]
    FROM fresh LEFT JOIN claimed ON claimed.client_id = fresh.client_id AND claimed.email = fresh.email_key
    WHERE fresh.email_key IS NULL OR claimed.email IS NOT NULL
    ORDER BY fresh.client_id, fresh.external_id
    ON CONFLICT (client_id, external_id) DO NOTHING
    RETURNING *
  ),
  updated AS (
    UPDATE users SET
      email = coalesce(known.email, users.email),
      username = coalesce(known.username, users.username),
      locale = coalesce(known.locale, users.locale),
      claims_as_of = known.as_of,
      taken_links = CASE WHEN known.as_of = users.claims_as_of THEN users.taken_links ELSE '{}' END || known.hash
    FROM known
    WHERE users.client_id = known.client_id AND users.user_id = known.user_id
      AND (SELECT count(*) FROM created) >= 0
    RETURNING known.place, known.changed, known.traceparent, ${userColumns('users')}
  ),
  told AS (
    INSERT INTO outbox (client_id, type, subject, traceparent, body)
    SELECT created.client_id, 'user.created', 'user/' || created.user_id, link.traceparent,
      jsonb_build_object('userId', created.user_id, 'fields', array_remove(ARRAY[
        'externalId',
        CASE WHEN link.email IS NOT NULL THEN 'email' END,
        CASE WHEN link.username IS NOT NULL THEN 'username' END,
        CASE WHEN link.locale IS NOT NULL THEN 'locale' END
      ], NULL))
    FROM created JOIN link ON link.user_id = created.user_id
    UNION ALL
    SELECT client_id, 'user.updated', 'user/' || user_id, traceparent,
      jsonb_build_object('userId', user_id, 'fields', changed)
    FROM updated WHERE cardinality(changed) > 0
  )
  SELECT link.place, true AS created, true AS told, ${userColumns('created')}
  FROM created JOIN link ON link.user_id = created.user_id
  UNION ALL
  SELECT place, false, cardinality(changed) > 0, ${userColumns('updated')} FROM updated
  UNION ALL
  SELECT seen.place, false, false, ${userColumns('users')}
  FROM seen JOIN link ON link.place = seen.place
    CROSS JOIN LATERAL (
      SELECT * FROM users WHERE client_id = seen.client_id AND user_id = seen.user_id OFFSET 0
    ) AS users
  WHERE NOT to_write AND ${notErased}`,
);
