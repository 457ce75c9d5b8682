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
