import { type Queryable, statement } from '#postgres/postgres';
import type { RefreshLink, SessionName } from '../domain/credential.js';
import type { Session } from '../domain/session.js';
import { asked, type Columns, valuesOf } from './columns.js';
import { byKey, live, type SessionRow, sessionColumns, sessionOf } from './sql.js';

/** A session, or the session of which this is the newest refresh token. */
export type Wanted = SessionName & Partial<RefreshLink>;

const columns: Columns<Wanted> = {
  client_id: ['text', (row) => row.clientId],
  session_id: ['uuid', (row) => row.sessionId],
  generation: ['int', (row) => row.generation],
};

const findLive = statement(
  'session.find',
  `SELECT asked.position, ${sessionColumns('session')}
  FROM ${asked(columns)}
  CROSS JOIN LATERAL (SELECT * FROM sessions named WHERE ${byKey('named', 'asked')} OFFSET 0) session
  WHERE session.generation = coalesce(asked.generation, session.generation) AND ${live('session')}`,
);

const listLive = statement(
  'session.list',
  `SELECT ${sessionColumns('session')} FROM sessions session
  WHERE session.client_id = $1 AND session.subject = $2 AND ${live('session')}
  ORDER BY session.created_at DESC, session.session_id DESC LIMIT 500`,
);

/** @returns in order; `null` for what is not there or no longer lives */
export async function findAll(postgres: Queryable, names: readonly Wanted[]): Promise<(Session | null)[]> {
  const found = await postgres.query<SessionRow & { position: number }>(findLive, valuesOf(columns, names));
  const byPosition = new Map(found.map((row) => [row.position, row]));
  return names.map((_, index) => {
    const row = byPosition.get(index + 1);
    return row ? sessionOf(row) : null;
  });
}

export async function listAll(postgres: Queryable, clientId: string, subject: string): Promise<Session[]> {
  const rows = await postgres.query<SessionRow>(listLive, [clientId, subject]);
  return rows.map(sessionOf);
}
