import { Pool, type PoolClient } from 'pg';

/**
 * The two facts this service cares about, reduced to what it needs of them. Users are told apart by client *and* id:
 * two clients never share anything.
 */
export type Fact =
  | { readonly id: string; readonly clientId: string; readonly type: 'user.merged'; from: string; into: string }
  | { readonly id: string; readonly clientId: string; readonly type: 'user.erased'; userId: string };

const tables = `
  CREATE SCHEMA IF NOT EXISTS items;
  CREATE TABLE IF NOT EXISTS items.items (
    client_id text NOT NULL, id text NOT NULL, owner text NOT NULL, PRIMARY KEY (client_id, id));
  CREATE INDEX IF NOT EXISTS items_by_owner ON items.items (client_id, owner);
  -- What became of a user, remembered for good: a fact or a request that comes late must not undo it.
  CREATE TABLE IF NOT EXISTS items.users (
    client_id text NOT NULL, user_id text NOT NULL, merged_into text, erased boolean NOT NULL DEFAULT false,
    PRIMARY KEY (client_id, user_id));
  -- The ce-id of every fact that has had its effect.
  CREATE TABLE IF NOT EXISTS items.handled (fact_id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
`;

/** What the service owns. Every method is one transaction, so that a kill at any moment leaves all of it or nothing. */
export class Store {
  readonly #pool: Pool;

  constructor(connectionString: string) {
    this.#pool = new Pool({ connectionString, connectionTimeoutMillis: 5_000, statement_timeout: 5_000 });
    // A connection that breaks is replaced, and what was asked on it fails; unheard, either would end the process.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (connection) => connection.on('error', () => undefined));
  }

  /** Also forgets the ids of facts that cannot come again: the stream keeps a fact for 14 days. */
  prepare(): Promise<void> {
    return this.#transaction(async (tx) => {
      // Two replicas that start at once would meet in CREATE … IF NOT EXISTS.
      await tx.query(`SELECT pg_advisory_xact_lock(hashtext('items'))`);
      await tx.query(tables);
      await tx.query(`DELETE FROM items.handled WHERE at < now() - interval '30 days'`);
    });
  }

  /**
   * Gives an item to a user, also under an id they had before a merge.
   * @returns whose it is, or null where the user was erased: then there is nothing to keep
   */
  give(clientId: string, owner: string, item: string): Promise<string | null> {
    return this.#transaction(async (tx) => {
      const known = await lock(tx, clientId, [owner]);
      const into = known.get(owner)?.merged_into ?? owner;
      const { erased } = (into === owner ? known : await lock(tx, clientId, [into])).get(into) ?? {};
      if (erased) return null;
      await tx.query('INSERT INTO items.items VALUES ($1, $2, $3)', [clientId, item, into]);
      return into;
    });
  }

  /** Lets a fact have its effect; a fact that comes again has none. */
  handle(fact: Fact): Promise<void> {
    return this.#transaction(async (tx) => {
      // Another replica that has the same fact in hand waits here until this transaction has ended, either way.
      const first = await tx.query('INSERT INTO items.handled (fact_id) VALUES ($1) ON CONFLICT DO NOTHING', [fact.id]);
      if (first.rowCount === 0) return;
      if (fact.type === 'user.erased') await erase(tx, fact.clientId, fact.userId);
      else await merge(tx, fact.clientId, fact.from, fact.into);
    });
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  async #transaction<T>(work: (tx: PoolClient) => Promise<T>): Promise<T> {
    const tx = await this.#pool.connect();
    try {
      await tx.query('BEGIN');
      const result = await work(tx);
      await tx.query('COMMIT');
      tx.release();
      return result;
    } catch (error) {
      tx.release(true); // Closed, not reused: Postgres rolls back.
      throw error;
    }
  }
}

/** A merge happens once per account and is for ever; `into` is never merged itself, so there are no chains to follow. */
async function merge(tx: PoolClient, clientId: string, from: string, into: string): Promise<void> {
  if (from === into) return; // The anonymous account became the new user and kept its id: nothing moves.
  const known = await lock(tx, clientId, [from, into]);
  await tx.query('UPDATE items.users SET merged_into = $3 WHERE client_id = $1 AND user_id = $2', [
    clientId,
    from,
    into,
  ]);
  // The facts of two users come in any order: what would go to somebody erased goes the way of their other items.
  if (known.get(into)?.erased) await deleteItemsOf(tx, clientId, from);
  else await tx.query('UPDATE items.items SET owner = $3 WHERE client_id = $1 AND owner = $2', [clientId, from, into]);
}

async function erase(tx: PoolClient, clientId: string, userId: string): Promise<void> {
  await lock(tx, clientId, [userId]);
  await tx.query('UPDATE items.users SET erased = true WHERE client_id = $1 AND user_id = $2', [clientId, userId]);
  await deleteItemsOf(tx, clientId, userId);
}

async function deleteItemsOf(tx: PoolClient, clientId: string, owner: string): Promise<void> {
  await tx.query('DELETE FROM items.items WHERE client_id = $1 AND owner = $2', [clientId, owner]);
}

interface User {
  readonly user_id: string;
  readonly merged_into: string | null;
  readonly erased: boolean;
}

/**
 * What is known of these users; nobody else decides about them until the transaction has ended. Without it an item
 * given while its owner is being merged would stay behind. Locked in one order, so that no two wait for each other.
 */
async function lock(tx: PoolClient, clientId: string, userIds: readonly string[]): Promise<Map<string, User>> {
  const { rows } = await tx.query<User>(
    `INSERT INTO items.users (client_id, user_id) SELECT $1, unnest($2::text[])
     ON CONFLICT (client_id, user_id) DO UPDATE SET user_id = excluded.user_id
     RETURNING user_id, merged_into, erased`,
    [clientId, userIds.toSorted()],
  );
  return new Map(rows.map((user) => [user.user_id, user]));
}
