import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { settings } from '#contracts/settings';
import type { ScratchStore } from '#postgres/testing';
import { openStore } from '../testing.js';
import { store as tables } from './data-source.js';

let store: ScratchStore;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store.drop());

it('the migrations build what the entities describe', async () => {
  const { upQueries } = await store.dataSource.driver.createSchemaBuilder().log();
  const ours = upQueries.map(({ query }) => query).filter((query) => !query.includes('outbox'));
  expect(ours).toEqual([]);
});

it('every key begins with the client', async () => {
  const rows: { table: string; first: string }[] = await store.dataSource.query(
    `SELECT c.relname AS table, a.attname AS first FROM pg_index i
     JOIN pg_class c ON c.oid = i.indrelid
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
     WHERE i.indisprimary AND c.relnamespace = $1::regnamespace
       AND c.relname NOT IN ('signing_keys', 'migrations') AND c.relname NOT LIKE 'outbox%'`,
    [store.schema],
  );
  expect(rows.map(({ table }) => table).toSorted()).toEqual([
    ...['api_keys', 'client_guesses', 'clients', 'link_secrets', 'user_guesses'],
  ]);
  expect(new Set(rows.map(({ first }) => first))).toEqual(new Set(['client_id']));
});

it('goes back as it came', async () => {
  const other = await openStore();
  for (const _ of tables.migrations) await other.dataSource.undoLastMigration();
  const left = await other.dataSource.query(
    `SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p', 'S')
       AND relname NOT LIKE 'migrations%'`,
    [other.schema],
  );
  expect(left).toEqual([]);
  await other.drop();
});

it('clients made before they could be found by host and origin are found', async () => {
  const older = await openStore();
  for (const _ of tables.migrations.slice(2)) await older.dataSource.undoLastMigration();
  const given = settings.parse({ hosts: ['a.example'], landingUrl: 'https://b.example/x' });
  await older.dataSource.query(`INSERT INTO clients (client_id, name, settings) VALUES ('acme0000', 'Acme', $1)`, [
    JSON.stringify(given),
  ]);
  await older.dataSource.runMigrations();
  const [{ listed }] = await older.dataSource.query('SELECT listed FROM clients');
  expect(listed).toEqual(['host:a.example', 'origin:https://b.example']);
  await older.drop();
});
