import { Client } from 'pg';
import type { Stack } from './stack.js';

/** Everything that stands in tables of a stack, to be compared; but for when a credential was last used, which is written late. */
export async function rowsOf(
  { postgres }: Pick<Stack, 'postgres'>,
  tables: readonly string[],
): Promise<Record<string, unknown[]>> {
  const database = new Client({ connectionString: postgres });
  await database.connect();
  try {
    const rows: Record<string, unknown[]> = {};
    for (const table of tables) {
      const found = await database.query(
        `SELECT to_jsonb(t) - 'last_used_at' AS row FROM ${table} t ORDER BY to_jsonb(t)::text`,
      );
      rows[table] = found.rows.map(({ row }) => row);
    }
    return rows;
  } finally {
    await database.end();
  }
}

/** What no request changes that is refused. */
const lasting = [
  ...['identity.users', 'identity.emails', 'identity.erased'],
  ...['session.sessions', 'session.epochs'],
  ...['token.clients', 'token.api_keys', 'token.link_secrets', 'token.signing_keys'],
];

/** By table; but for how a refresh was judged last, for which the judging statement needs a place. */
export async function standingOf(stack: Pick<Stack, 'postgres'>): Promise<ReadonlyMap<string, unknown[]>> {
  const rows = new Map(Object.entries(await rowsOf(stack, lasting)));
  const sessions = ((rows.get('session.sessions') ?? []) as { session_id: string }[]).map((row) => ({
    ...row,
    verdict: null,
  }));
  return rows.set(
    'session.sessions',
    sessions.sort((a, b) => (a.session_id < b.session_id ? -1 : 1)),
  );
}

/** The tables that are not as they were. */
export function differences(
  before: ReadonlyMap<string, unknown[]>,
  after: ReadonlyMap<string, unknown[]>,
): readonly string[] {
  return lasting.filter((table) => JSON.stringify(after.get(table)) !== JSON.stringify(before.get(table)));
}
